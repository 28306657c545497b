import { basename } from "node:path";
import type { Notification, PermissionRequest } from "@claude-companion/protocol";

type Reason = Notification["reason"];

const bodies: Record<Exclude<Reason, "resolved">, string> = {
  permission: "Waiting for your permission.",
  question: "Has a question for you.",
  turnFinished: "Finished; ready for the next message.",
  turnFailed: "Stopped with an error, or does not move.",
  loginNeeded: "The agent needs to be logged in again.",
  limitReached: "A usage limit is reached.",
  scheduleDone: "A scheduled run is done.",
  test: "This is a test. You will be told here.",
};

/** What a person reads. Without previews only the project and the reason, nothing that was said or asked. */
export function wordingOf(notification: {
  reason: Reason;
  workingDirectory: string | undefined;
  title: string | undefined;
  previews: boolean;
  /** What waits in this session; the first is what is told. */
  prompts: readonly PermissionRequest[];
  /** How often it was told before. */
  step: number;
}): { title: string; body: string } {
  const { reason, workingDirectory, previews, prompts } = notification;
  if (reason === "resolved") return { title: "", body: "" };
  const project = workingDirectory === undefined ? "Claude Companion" : basename(workingDirectory) || "/";
  const title = previews && notification.title ? `${project}: ${notification.title}` : project;
  const [prompt] = prompts;
  const said = previews && prompt !== undefined ? previewOf(prompt) : bodies[reason];
  const more = prompts.length > 1 ? ` ${prompts.length - 1} more wait.` : "";
  const again = notification.step > 0 ? "Still: " : "";
  return { title, body: `${again}${said}${more}` };
}

function previewOf(prompt: PermissionRequest): string {
  const { command, file_path: path } = prompt.input;
  const [question] = prompt.questions ?? [];
  if (question) return question.question;
  const what = typeof command === "string" ? command : typeof path === "string" ? path : undefined;
  return what === undefined || prompt.title.includes(what) ? prompt.title : `${prompt.title}\n${what}`;
}
