// Benchmarks: ours and what users would pick instead, side by side in one run. `npm run bench`, or `npm run bench fan-out`.
import { cpus, totalmem } from "node:os";
import { append } from "./rows/append.ts";
import { fanOut } from "./rows/fan-out.ts";
import { idle } from "./rows/idle.ts";
import { manyStreams } from "./rows/many-streams.ts";
import { reconnectStorm } from "./rows/reconnect-storm.ts";
import { relay } from "./rows/relay.ts";
import { replayRow } from "./rows/replay.ts";
import { slowClient } from "./rows/slow-client.ts";
import { telemetry } from "./rows/telemetry.ts";
import { web } from "./rows/web.ts";

/** One benchmark. Prints its own table. */
export interface Row {
  name: string;
  run(print: (line: string) => void): Promise<void>;
}

const rows: Row[] = [fanOut, append, replayRow, slowClient, reconnectStorm, manyStreams, relay, idle, telemetry, web];
const wanted = process.argv.slice(2);
const print = (line: string) => process.stdout.write(`${line}\n`);

print(
  `Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, ${process.platform} ${process.arch}. Medians of 3 runs, server on one core, clients on the other.`,
);
for (const row of rows) {
  if (wanted.length > 0 && !wanted.includes(row.name)) continue;
  print(`\n## ${row.name}\n`);
  await row.run(print);
}
