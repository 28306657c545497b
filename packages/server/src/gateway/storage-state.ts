/** How the storage is, for health and for those who are connected. */
export interface StorageState {
  /** Resolves when it can write now. */
  check(): Promise<void>;
  readonly trouble: string | undefined;
  /** Calls back when trouble begins. @returns stops it */
  onTrouble(listener: (trouble: string) => void): () => void;
}
