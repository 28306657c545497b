import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import type { Resource } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
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
export function createTracing(options: { url: string | undefined; resource: Resource }): Tracing {
  const { url, resource } = options;
  if (url === undefined)
    return {
      begin: (_name, from) => ({ correlation: from, end() {} }),
      close: async () => {},
    };
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
