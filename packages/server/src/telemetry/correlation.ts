import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";

/** What belongs together: one request or command, and all that comes of it. W3C Trace Context ids. */
export interface Correlation {
  /** 32 hexadecimal digits: the correlation id that stands in logs, errors, events and traces. */
  correlationId: string;
  /** 16 hexadecimal digits: the step that is being worked on. */
  spanId: string;
}

/** Knows, anywhere in the work that a request set off, which request it was. */
export interface Correlations {
  /** A new one; or the one that came in as `traceparent`, whose step is what called. */
  begin(traceparent: string | undefined): Correlation;
  run<T>(correlation: Correlation, work: () => T): T;
  current(): Correlation | undefined;
}

const parent = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

/** W3C Trace Context, 3.2. @returns undefined for anything that is none */
export function correlationOf(traceparent: string | undefined): Correlation | undefined {
  const [, correlationId, spanId] = parent.exec(traceparent ?? "") ?? [];
  if (correlationId === undefined || spanId === undefined || /^0+$/.test(correlationId) || /^0+$/.test(spanId))
    return undefined;
  return { correlationId, spanId };
}

/** The form in which it is passed on. */
export const traceparentOf = ({ correlationId, spanId }: Correlation): string => `00-${correlationId}-${spanId}-01`;

export function createCorrelations(): Correlations {
  const storage = new AsyncLocalStorage<Correlation>();
  return {
    begin: (traceparent) =>
      correlationOf(traceparent) ?? {
        correlationId: randomBytes(16).toString("hex"),
        spanId: randomBytes(8).toString("hex"),
      },
    run: (correlation, work) => storage.run(correlation, work),
    current: () => storage.getStore(),
  };
}
