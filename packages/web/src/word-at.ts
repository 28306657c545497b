/** The word at the cursor that begins with `/` (at the start) or `@`. */
export function wordAt(text: string, cursor: number): { sign: "/" | "@"; word: string; begin: number } | undefined {
  const before = text.slice(0, cursor);
  const command = /^\/([\w:-]*)$/.exec(before);
  if (command) return { sign: "/", word: command[1] ?? "", begin: 0 };
  const file = /(?:^|\s)@([^\s@]*)$/.exec(before);
  return file ? { sign: "@", word: file[1] ?? "", begin: cursor - (file[1]?.length ?? 0) - 1 } : undefined;
}
