import { CompanionError, type ErrorData } from "@claude-companion/protocol";
import type { z } from "zod";

/** Anything thrown, as an error of the table. What is not one is a bug: its text stays in our log. */
export function companionErrorOf(error: unknown): CompanionError {
  if (error instanceof CompanionError) return error;
  return new CompanionError(
    "INTERNAL",
    "The server made a mistake. Try again; if it stays, look at its log under this request id.",
    undefined,
    { cause: error },
  );
}

/** An error as the wire has it. */
export function errorDataOf(
  { code, message, retryable, details }: CompanionError,
  correlationId?: string,
): z.infer<typeof ErrorData> {
  return { code, message, retryable, ...(details ? { details } : {}), ...(correlationId ? { correlationId } : {}) };
}

/** What a schema found wrong, with the path of each offending field. */
export function invalidRequest(error: z.core.$ZodError, what: string): CompanionError {
  return invalidFields(
    error.issues.map((issue) => ({ path: issue.path.map(String).join("."), problem: issue.message })),
    what,
  );
}

/** The same for whoever has the fields already. */
export function invalidFields(issues: readonly { path: string; problem: string }[], what: string): CompanionError {
  const [first] = issues;
  const where = first?.path ? ` at \`${first.path}\`` : "";
  const problem = first?.problem ?? "see the documentation";
  return new CompanionError("INVALID_REQUEST", `${what} is not valid${where}: ${problem}.`, { issues });
}
