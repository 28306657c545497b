import { createServer } from "node:http";
import { listen } from "./listen.ts";

/** A span as it was exported. */
export interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
}

/** Takes what OTLP over HTTP (JSON) exports. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: ExportedSpan[];
  /** Names of metrics. */
  readonly metrics: Set<string>;
}

export async function startCollector(): Promise<Collector> {
  const spans: ExportedSpan[] = [];
  const metrics = new Set<string>();
  type Exported = {
    resourceSpans?: { scopeSpans: { spans: ExportedSpan[] }[] }[];
    resourceMetrics?: { scopeMetrics: { metrics: { name: string }[] }[] }[];
  };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { resourceSpans = [], resourceMetrics = [] }: Exported = JSON.parse(body);
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
    for (const { scopeMetrics } of resourceMetrics)
      for (const scope of scopeMetrics) for (const { name } of scope.metrics) metrics.add(name);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    metrics,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
