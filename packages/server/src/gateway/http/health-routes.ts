import { Timestamp } from "@claude-companion/protocol";
import { z } from "zod";
import type { Auth } from "../../auth/index.ts";
import { type Clock, isoTime } from "../../clock.ts";
import { messageOf } from "../../message-of.ts";
import type { Push } from "../../push/index.ts";
import type { Sessions } from "../../sessions/index.ts";
import type { Disk } from "../../telemetry/index.ts";
import { authenticate } from "../access.ts";
import { heapInUse, heapShareMax } from "../load.ts";
import type { StorageState } from "../storage-state.ts";
import type { HttpServer } from "./server.ts";

const State = z.enum(["healthy", "degraded", "unhealthy"]);
const Check = z.object({
  status: State,
  message: z.string().optional(),
  since: Timestamp.optional().meta({ description: "Since when it is not healthy." }),
});
const Health = z.object({
  status: State,
  version: z.string(),
  claudeCodeAvailable: z.boolean(),
  checks: z.object({ database: Check, disk: Check, claude: Check, login: Check, memory: Check, push: Check }),
});
type Checked = z.infer<typeof Check>;

const keepMs = 1_000;
/** Less than this, and soon nothing can be stored any more. */
const freeBytesMin = 256 * 1024 * 1024;

/** `/health` for people and monitors, `/health/live` and `/health/ready` for supervisors. None needs a token. */
export function addHealthRoutes(
  app: HttpServer,
  house: {
    storage: Pick<StorageState, "check" | "trouble">;
    sessions: Pick<Sessions, "agents" | "memoryShort" | "census">;
    disk: Disk;
    push: Pick<Push, "troubles">;
    auth: Auth;
    clock: Clock;
    version: string;
    isClosing: () => boolean;
  },
): void {
  let known: { at: number; checks: Promise<z.infer<typeof Health>["checks"]> } | undefined;

  async function database(): Promise<Checked> {
    return house.storage.check().then(
      () => {
        // A small write may still fit where what agents do does not.
        const { trouble } = house.storage;
        return trouble === undefined ? { status: "healthy" } : { status: "degraded", message: trouble };
      },
      (error: unknown) => ({ status: "unhealthy", message: messageOf(error) }),
    );
  }
  async function claude(): Promise<Checked> {
    const [agent] = await house.sessions.agents();
    if (agent?.available) return { status: "healthy", ...(agent.warning ? { message: agent.warning } : {}) };
    return { status: "degraded", message: agent?.reason ?? "There is no agent." };
  }
  function memory(): Checked {
    const { memoryShort } = house.sessions;
    if (memoryShort !== undefined)
      return {
        status: "degraded",
        message: `Only ${Math.round(memoryShort / 1_048_576)} MB of memory are free (MEMORY_MIN_MEGABYTES): agents wait for more.`,
      };
    const { share, limitBytes } = heapInUse();
    if (share < heapShareMax) return { status: "healthy" };
    return {
      status: "degraded",
      message: `${Math.round(share * 100)} % of the heap's ${Math.round(limitBytes / 1_048_576)} MB are in use.`,
    };
  }
  function disk(): Checked {
    const { freeBytes } = house.disk;
    if (freeBytes === undefined || freeBytes >= freeBytesMin) return { status: "healthy" };
    return {
      status: "degraded",
      message: `Only ${Math.round(freeBytes / 1_048_576)} MB are free where the data lies. Make room, or set DATA_DIR to another disk.`,
    };
  }
  function login(): Checked {
    const { login: waiting = 0 } = house.sessions.census().byObstacle;
    if (waiting === 0) return { status: "healthy" };
    return {
      status: "degraded",
      message: `The agent is not logged in; ${waiting} session(s) wait. Run \`claude\` on this machine and log in, or set ANTHROPIC_API_KEY.`,
    };
  }
  function push(): Checked {
    const [trouble, ...more] = house.push.troubles;
    if (trouble === undefined) return { status: "healthy" };
    const others = more.length > 0 ? `, and ${more.length} more` : "";
    return {
      status: "degraded",
      message: `${trouble.platform} does not take notifications (${trouble.reason})${others}. What waits is sent when it does again.`,
      since: isoTime(trouble.since),
    };
  }
  /** Since when each check has found what it finds. */
  const changes = new Map<string, { status: string; at: number }>();
  function since(name: string, check: Checked): Checked {
    const known = changes.get(name);
    if (known?.status !== check.status) changes.set(name, { status: check.status, at: house.clock.now() });
    const at = changes.get(name)?.at ?? house.clock.now();
    return check.status === "healthy" ? check : { since: isoTime(at), ...check };
  }
  async function runChecks() {
    const [databaseState, claudeState] = await Promise.all([database(), claude()]);
    return {
      database: since("database", databaseState),
      disk: since("disk", disk()),
      claude: since("claude", claudeState),
      login: since("login", login()),
      memory: since("memory", memory()),
      push: since("push", push()),
    };
  }
  /** Anybody may ask, so asking often must cost nothing. */
  function checks() {
    const now = house.clock.monotonicMs();
    if (known === undefined || now - known.at > keepMs) known = { at: now, checks: runChecks() };
    return known.checks;
  }
  /** Messages name paths and accounts: they are for those who have a token. */
  function mayReadMessages(authorization: string | undefined): boolean {
    try {
      authenticate(house.auth, { authorization, query: new URLSearchParams(), takesTicket: false });
      return true;
    } catch {
      return false;
    }
  }
  const describe = (operationId: string, summary: string) => ({ operationId, summary, tags: ["health"], security: [] });

  app.get(
    "/health",
    {
      schema: {
        ...describe("health", "How the server is; messages only with a token."),
        response: { 200: Health, 503: Health },
      },
    },
    async (request, reply) => {
      const found = await checks();
      const states = Object.values(found).map((check) => check.status);
      const status = states.includes("unhealthy") ? "unhealthy" : states.includes("degraded") ? "degraded" : "healthy";
      const bare = ({ status: state }: Checked): Checked => ({ status: state });
      const shown = mayReadMessages(request.headers.authorization)
        ? found
        : (Object.fromEntries(Object.entries(found).map(([name, check]) => [name, bare(check)])) as typeof found);
      const claudeCodeAvailable = found.claude.status === "healthy";
      return reply
        .code(status === "unhealthy" ? 503 : 200)
        .send({ status, version: house.version, claudeCodeAvailable, checks: shown });
    },
  );
  const Alive = z.object({ status: z.literal("ok") });
  const NotReady = z.object({ status: z.literal("notReady") });
  app.get(
    "/health/live",
    { schema: { ...describe("live", "The process answers."), response: { 200: Alive } } },
    async () => ({ status: "ok" as const }),
  );
  app.get(
    "/health/ready",
    {
      schema: {
        ...describe("ready", "It takes work: the database can be written and the server is not stopping."),
        response: { 200: Alive, 503: NotReady },
      },
    },
    async (_request, reply) => {
      const ready = !house.isClosing() && (await checks()).database.status !== "unhealthy";
      return ready ? { status: "ok" as const } : reply.code(503).send({ status: "notReady" as const });
    },
  );
}
