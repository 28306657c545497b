import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { Correlation } from "./correlation.ts";

/** A step of work that is being traced. */
export interface Step {
  /** What comes of it belongs to this. */
  readonly correlation: Correlation;
  end(outcome: { error?: string | undefined; attributes?: Attributes }): void;
}

/** Traces, exported when there is somebody who takes them. */
export interface Tracing {
  /**
   * @param from what it belongs to
   * @param options.startedAt ms since 1970, when it began earlier
   */
  begin(
    name: string,
    from: Correlation,
    options?: { isRequest?: boolean; attributes?: Attributes; startedAt?: number },
  ): Step;
  close(): Promise<void>;
}

/** @param options.url an OTLP/HTTP endpoint for traces; undefined: nothing is exported, and steps cost nothing */
export async function createTracing(options: { url: string | undefined; resource: Resource }): Promise<Tracing> {
  const { url, resource } = options;
  if (url === undefined)
    return {
      begin: (_name, from) => ({ correlation: from, end() {} }),
      close: async () => {},
    };
  // Loaded by whoever wants it: it takes longer than the rest of a start.
  const [{ OTLPTraceExporter }, { BatchSpanProcessor, TracerProvider }] = await Promise.all([
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/sdk-trace"),
  ]);
  const provider = new TracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  });
  const tracer = provider.getTracer("claude-companion");

  function correlationOfSpan(span: Span): Correlation {
    const { traceId, spanId } = span.spanContext();
    return { correlationId: traceId, spanId };
  }
  return {
    begin(name, from, { isRequest = false, attributes, startedAt } = {}) {
      const context = trace.setSpanContext(ROOT_CONTEXT, {
        traceId: from.correlationId,
        spanId: from.spanId,
        traceFlags: TraceFlags.SAMPLED,
        isRemote: true,
      });
      const span = tracer.startSpan(
        name,
        {
          kind: isRequest ? SpanKind.SERVER : SpanKind.INTERNAL,
          ...(attributes === undefined ? {} : { attributes }),
          ...(startedAt === undefined ? {} : { startTime: startedAt }),
        },
        context,
      );
      return {
        correlation: correlationOfSpan(span),
        end({ error, attributes: more }) {
          if (more) span.setAttributes(more);
          if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
          span.end();
        },
      };
    },
    close: () => provider.shutdown(),
  };
}
