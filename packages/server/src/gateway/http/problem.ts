import { type CompanionError, errorCodes } from "@claude-companion/protocol";
import { z } from "zod";

/** An error as RFC 9457 has it, with our code. */
export const Problem = z
  .object({
    type: z.string().meta({ description: "urn:claude-companion:error:<code>" }),
    title: z.string().meta({ description: "What the code means." }),
    status: z.int(),
    detail: z.string().meta({ description: "What went wrong and what to do next." }),
    code: z.enum(Object.keys(errorCodes) as [string, ...string[]]),
    retryable: z.boolean(),
    details: z.record(z.string(), z.unknown()).optional(),
    requestId: z.string().optional(),
    correlationId: z.string().optional().meta({ description: "Finds the request in the log and traces." }),
  })
  .meta({ id: "Problem" });

/** @param requestId of the request, to find it in the server's log */
export function problemOf(
  error: CompanionError,
  requestId: string | undefined,
  correlationId?: string,
): z.infer<typeof Problem> {
  const { code, status, message, retryable, details } = error;
  return {
    type: `urn:claude-companion:error:${code}`,
    title: errorCodes[code].meaning,
    status,
    detail: message,
    code,
    retryable,
    ...(details ? { details } : {}),
    ...(requestId ? { requestId } : {}),
    ...(correlationId ? { correlationId } : {}),
  };
}
