import type { Companion } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { CircleCheck, RefreshCw, TriangleAlert } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { type SessionSummary, useAsked } from "../hooks.ts";
import { Chart } from "../parts/chart.tsx";
import { Choice } from "../parts/choice.tsx";
import { IconButton } from "../parts/icon-button.tsx";
import { Card, Page } from "../parts/page.tsx";
import { go } from "../router.ts";
import {
  agentsOf,
  errorsOf,
  formsOf,
  healthOf,
  historyOf,
  keysOf,
  type Range,
  ranges,
  snapshotOf,
} from "../telemetry.ts";
import { ago, briefly, bytesInWords, dollars } from "../words.ts";

const refreshMs = 15_000;
type Usage = CommandAck<"getUsage">;

/** How the system is and what it costs. */
export default function Dashboard({
  companion,
  sessions,
}: {
  companion: Companion;
  sessions: readonly SessionSummary[] | undefined;
}) {
  const [range, setRange] = useState<Range>("hour");
  const [round, setRound] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setRound((now) => now + 1), refreshMs);
    return () => clearInterval(timer);
  }, []);
  // Which forms each metric has, asked for once for all of them.
  const keys = useAsked(`metrics/${round}`, () => keysOf(companion));
  return (
    <Page
      isWide
      title="Dashboard"
      back={null}
      actions={<IconButton icon={RefreshCw} label="Look again" onClick={() => setRound(round + 1)} />}
    >
      <Health companion={companion} round={round} />
      <Tiles companion={companion} sessions={sessions ?? []} round={round} />
      <Choice
        label="How far back"
        choices={{ hour: "Hour", day: "Day", month: "30 days" }}
        chosen={range}
        onChoose={setRange}
      />
      {keys.failure && <p className="text-danger text-sm">{keys.failure}</p>}
      <div className="grid gap-4 md:grid-cols-2">
        <Costs companion={companion} range={range} round={round} />
        {charts.map((chart) => (
          <Metric key={chart.metric} {...chart} companion={companion} keys={keys.value} range={range} round={round} />
        ))}
      </div>
      <Agents companion={companion} sessions={sessions ?? []} round={round} />
      <Errors companion={companion} round={round} />
    </Page>
  );
}

type Field = readonly [label: string, field: "value" | "p50" | "p95"];
const plain: readonly Field[] = [["", "value"]];
const median: readonly Field[] = [["median", "p50"]];
const percentiles: readonly Field[] = [...median, ["95 %", "p95"]];

const milliseconds = (value: number): string => `${Math.round(value * 10_000) / 10} ms`.replace(/(\d{3,})\.\d/, "$1");
const seconds = (value: number): string => (value < 10 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`);

/** What is drawn, in this order. */
const charts: readonly { title: string; metric: string; format: (value: number) => string; of: readonly Field[] }[] = [
  { title: "From event to device", metric: "companion.delivery.duration", format: milliseconds, of: percentiles },
  { title: "Turns", metric: "companion.turns", format: briefly, of: plain },
  { title: "Connections", metric: "companion.connections", format: briefly, of: plain },
  { title: "Tokens", metric: "companion.tokens", format: briefly, of: plain },
  { title: "Errors", metric: "companion.errors", format: briefly, of: plain },
  { title: "Waiting for an answer of yours", metric: "companion.permission.wait", format: seconds, of: median },
  { title: "Memory of the server", metric: "process.memory.usage", format: bytesInWords, of: plain },
];

function Health({ companion, round }: { companion: Companion; round: number }) {
  const { value, failure } = useAsked(`health/${round}`, () => healthOf(companion));
  const known = useLast(value);
  if (failure && known === undefined) return <p className="text-danger text-sm">{failure}</p>;
  const wrong = Object.entries(known?.checks ?? {}).filter(([, { status }]) => status !== "healthy");
  if (known === undefined) return null;
  return (
    <section
      aria-label="Health"
      className={`flex gap-3 rounded-card border bg-raised p-4 ${wrong.length === 0 ? "border-line" : "border-amber"}`}
    >
      {wrong.length === 0 ? (
        <CircleCheck aria-hidden className="size-5 shrink-0 text-done" />
      ) : (
        <TriangleAlert aria-hidden className="size-5 shrink-0 text-amber" />
      )}
      <div className="min-w-0 flex-1">
        <p className="font-medium">{wrong.length === 0 ? "All is well" : known.status}</p>
        <ul className="text-sm text-soft">
          {wrong.map(([name, { message, since }]) => (
            <li key={name} className="break-words">
              <b className="text-ink">{name}</b>: {message ?? "not well"}
              {since && ` (since ${ago(since)})`}
            </li>
          ))}
          {wrong.length === 0 && <li>{Object.keys(known.checks).join(", ")}</li>}
        </ul>
      </div>
    </section>
  );
}

function Tiles({
  companion,
  sessions,
  round,
}: {
  companion: Companion;
  sessions: readonly SessionSummary[];
  round: number;
}) {
  const known = useLast(useAsked(`snapshot/${round}`, () => snapshotOf(companion)).value);
  const count = (...states: string[]) => sessions.filter(({ status }) => states.includes(status)).length;
  const waiting = sessions.filter(({ pendingPermissions }) => pendingPermissions.length > 0).length;
  return (
    <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
      <Tile label="Working" value={String(count("running", "starting"))} />
      <Tile label="Waiting for you" value={String(waiting)} isLoud={waiting > 0} />
      <Tile label="Devices connected" value={known ? briefly(known.websocket.activeConnections) : "–"} />
      <Tile
        label="To a device, 95 %"
        value={known ? `${Math.round(known.performance.queueDeliveryTime.p95 * 10) / 10} ms` : "–"}
      />
    </dl>
  );
}

function Tile({ label, value, isLoud = false }: { label: string; value: string; isLoud?: boolean }) {
  return (
    <div className="flex flex-col-reverse rounded-card border border-line bg-raised p-3">
      <dt className="text-soft text-sm">{label}</dt>
      <dd className={`font-semibold text-2xl ${isLoud ? "text-amber" : ""}`}>{value}</dd>
    </div>
  );
}

function Metric({
  title,
  companion,
  metric,
  keys,
  range,
  round,
  format,
  of,
}: {
  title: string;
  companion: Companion;
  metric: string;
  /** Of all metrics; undefined while they are not known. */
  keys: readonly string[] | undefined;
  range: Range;
  round: number;
  format: (value: number) => string;
  of: readonly Field[];
}) {
  const found = useAsked(`${metric}/${range}/${round}/${keys !== undefined}`, async () => {
    if (keys === undefined) return undefined;
    const forms = formsOf(keys, metric);
    const histories = await Promise.all(forms.map(({ key }) => historyOf(companion, key, range)));
    return { range, forms, histories };
  });
  const latest = useLast(found.value);
  const shown = useMemo(() => {
    if (latest === undefined || latest.range !== range) return undefined;
    const times = [...new Set(latest.histories.flatMap((history) => history.times))].sort((a, b) => a - b);
    const lines = latest.histories.flatMap((history, i) => {
      const at = new Map(history.times.map((time, n) => [time, history.points[n]]));
      return of.map(([label, field]) => ({
        label: label || (latest.forms[i]?.label ?? ""),
        values: times.map((time) => at.get(time)?.[field]),
      }));
    });
    return { times, lines };
  }, [latest, range, of]);
  return (
    <Card title={title}>
      {found.failure && <p className="text-danger text-sm">{found.failure}</p>}
      {shown && shown.times.length > 0 ? (
        <Chart
          times={shown.times}
          lines={shown.lines}
          format={format}
          spanMs={ranges[range].ms}
          isFilled={shown.lines.length === 1}
        />
      ) : (
        <p className="grid min-h-40 place-items-center text-soft text-sm">
          {shown === undefined ? "One moment…" : "Nothing happened in this time."}
        </p>
      )}
    </Card>
  );
}

/** What turns cost: by project, and by day or model. */
function Costs({ companion, range, round }: { companion: Companion; range: Range; round: number }) {
  const [by, setBy] = useState<"day" | "project" | "model">("day");
  const found = useAsked(`cost/${by}/${range}/${round}`, async () => {
    const from = new Date(Date.now() - ranges[range].ms).toISOString();
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const usage: Usage = await companion.request("getUsage", {
      by: by === "project" ? "project" : "day",
      from,
      timeZone,
    });
    const groups =
      by === "model"
        ? await costsByModel(companion, range)
        : usage.groups.map(({ key, costUsd, usage: tokens }) => ({
            key: by === "project" ? (key.split("/").at(-1) ?? key) : key,
            costUsd,
            tokens: tokens.inputTokens + tokens.outputTokens,
          }));
    return { by, total: usage.total, groups };
  });
  const known = useLast(found.value);
  const groups = known?.by === by ? known.groups : [];
  const most = Math.max(...groups.map(({ costUsd }) => costUsd), 0.000_001);
  return (
    <Card title="Cost, as the agents say">
      <p className="font-semibold text-2xl">
        {known ? dollars(known.total.costUsd) : "–"}{" "}
        <span className="font-normal text-sm text-soft">
          {known &&
            `${briefly(known.total.turns)} turns · ${briefly(known.total.usage.inputTokens + known.total.usage.outputTokens)} tokens`}
        </span>
      </p>
      <label className="flex items-center gap-2 text-sm text-soft">
        by
        <select
          value={by}
          onChange={({ target }) => setBy(target.value as typeof by)}
          className="target rounded-lg border border-line bg-paper px-2"
        >
          <option value="day">day</option>
          <option value="project">project</option>
          <option value="model">model</option>
        </select>
      </label>
      <ul className="flex max-h-48 flex-col gap-2 overflow-y-auto text-sm">
        {groups.map(({ key, costUsd, tokens }) => (
          <li key={key}>
            <span className="flex gap-2">
              <span className="min-w-0 flex-1 truncate">{key}</span>
              {tokens !== undefined && <span className="text-soft">{briefly(tokens)}</span>}
              <span>{dollars(costUsd)}</span>
            </span>
            <meter min={0} max={most} value={costUsd} aria-label={key} className="h-1.5 w-full" />
          </li>
        ))}
      </ul>
    </Card>
  );
}

async function costsByModel(companion: Companion, range: Range) {
  const forms = formsOf(await keysOf(companion), "companion.cost").filter(({ key }) => key.includes("{"));
  const histories = await Promise.all(forms.map(({ key }) => historyOf(companion, key, range)));
  return forms
    .map(({ label }, i) => ({
      key: label,
      costUsd: histories[i]?.points.reduce((sum, { value }) => sum + value, 0) ?? 0,
      tokens: undefined,
    }))
    .filter(({ costUsd }) => costUsd > 0)
    .toSorted((a, b) => b.costUsd - a.costUsd);
}

function Agents({
  companion,
  sessions,
  round,
}: {
  companion: Companion;
  sessions: readonly SessionSummary[];
  round: number;
}) {
  const known = useLast(useAsked(`agents/${round}`, () => agentsOf(companion)).value);
  if (known === undefined || known.length === 0) return null;
  return (
    <Card title="Agents that run">
      <ul className="flex flex-col text-sm">
        {known.map(({ sessionId, cpu, memoryBytes }) => (
          <li key={sessionId}>
            <button
              type="button"
              onClick={() => go(`/session/${sessionId}`)}
              className="target flex w-full items-center gap-2 text-left"
            >
              <span className="min-w-0 flex-1 truncate">
                {sessions.find((session) => session.sessionId === sessionId)?.title || "New session"}
              </span>
              <span className="text-soft">
                {Math.round(cpu * 100)} % · {bytesInWords(memoryBytes)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Errors({ companion, round }: { companion: Companion; round: number }) {
  const known = useLast(useAsked(`errors/${round}`, () => errorsOf(companion)).value);
  if (known === undefined || known.length === 0) return null;
  return (
    <Card title="Errors since the start">
      <ul className="flex flex-col gap-2 text-sm">
        {known.slice(0, 20).map(({ where, code, message, count, lastSeen }) => (
          <li key={`${where}/${code}/${message}`} className="break-words">
            <b>{code}</b> {count}× · {ago(lastSeen)}
            <span className="block text-soft">
              {where}: {message}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** The newest that was known, so that nothing flickers while it is asked for again. */
function useLast<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value);
  useEffect(() => {
    if (value !== undefined) setLast(value);
  }, [value]);
  return value ?? last;
}
