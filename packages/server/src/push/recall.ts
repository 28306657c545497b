import type { Clock } from "../clock.ts";
import type { NotificationRecord } from "../records/index.ts";
import { isPrompt } from "./happening.ts";

const hourMs = 3_600_000;

/** What must be known of earlier notifications to decide about the next ones. */
export interface Recall {
  /** Takes note of a notification that was sent, now or earlier. */
  sent(record: NotificationRecord, at: number): void;
  /** When something was sent to a target within the last hour, oldest first. */
  sentAt(targetId: string): readonly number[];
  /** Targets on whose screens prompts of a session stand; they are taken to be cleared. */
  takeFromScreens(sessionId: string): ReadonlySet<string>;
  /** A person opened a notification of this prompt. */
  opened(permissionId: string): void;
  isOpened(permissionId: string | undefined): boolean;
  forget(permissionId: string): void;
}

export function createRecall(clock: Pick<Clock, "now">): Recall {
  const sentAt = new Map<string, number[]>();
  const screens = new Map<string, Set<string>>();
  const opened = new Set<string>();
  const recentOf = (targetId: string) => (sentAt.get(targetId) ?? []).filter((at) => at > clock.now() - hourMs);
  return {
    sent({ targetId, sessionId, reason }, at) {
      if (sessionId === undefined || reason === "resolved") return;
      sentAt.set(targetId, [...recentOf(targetId), at]);
      if (!isPrompt(reason)) return;
      const shown = screens.get(sessionId) ?? new Set();
      screens.set(sessionId, shown.add(targetId));
    },
    sentAt: recentOf,
    takeFromScreens(sessionId) {
      const shown = screens.get(sessionId) ?? new Set<string>();
      screens.delete(sessionId);
      return shown;
    },
    opened: (permissionId) => void opened.add(permissionId),
    isOpened: (permissionId) => permissionId !== undefined && opened.has(permissionId),
    forget: (permissionId) => void opened.delete(permissionId),
  };
}
