// Who may import whom. The rooms of the server stand in one row; a room imports only rooms before it, and only through
// their index.ts. Each library has one room that owns it. scripts/rules.test.ts plants an offence of each rule.
const rooms = [
  "telemetry",
  "agents",
  "log",
  "records",
  "auth",
  "certificates",
  "projects",
  "uploads",
  "delivery",
  "push",
  "sessions",
  "schedules",
  "commands",
  "gateway",
  "storage",
  "plugins",
];
const server = "^packages/server/src/";
const tests = "\\.(test|contract|fixture)\\.ts$";

const row = rooms.map((room, i) => ({
  name: `room-${room}`,
  comment: `${room} stands before ${rooms.slice(i + 1).join(", ") || "companion"}: it cannot know them.`,
  severity: "error",
  from: { path: `${server}${room}/`, pathNot: tests },
  to: { path: `${server}(${[...rooms.slice(i + 1), "cli"].join("|")}|companion\\.ts|main\\.ts|config\\.ts)(/|$)` },
}));

/** Libraries and the folders that own them. */
const owners = {
  "^(ws|fastify|@fastify/.*|fastify-type-provider-zod)$": "packages/server/src/gateway/",
  "^pino$": "packages/server/src/telemetry/",
  "^@anthropic-ai/claude-agent-sdk$": "packages/server/src/agents/",
  "^sqlite$": "packages/server/src/storage/",
  "^diff$": "packages/server/src/agents/",
  "^croner$": "packages/server/src/schedules/",
  "^file-type$": "packages/server/src/uploads/",
  "^@opentelemetry/.*$": "packages/server/src/telemetry/",
  "^@peculiar/x509$": "packages/server/src/certificates/",
  "^bonjour-service$": "packages/server/src/gateway/",
  "^qrcode$": "packages/server/src/cli/",
  "^(web-push|jose|cockatiel)$": "packages/server/src/push/",
};
const libraries = Object.entries(owners).map(([library, owner]) => ({
  name: `owner-of-${library.replaceAll(/[^a-z]+/g, "-").replace(/^-|-$/g, "")}`,
  comment: `Only ${owner} uses this library.`,
  severity: "error",
  from: { path: "^packages/", pathNot: [`^${owner}`, tests] },
  to: { path: library === "^sqlite$" ? "^(node:)?sqlite$" : `(^|node_modules/)${library.slice(1, -1)}(/|$)` },
}));

export default {
  forbidden: [
    ...row,
    ...libraries,
    {
      name: "through-the-door",
      comment: "A room is entered through its index.ts.",
      severity: "error",
      from: { path: `${server}([^/]+)/`, pathNot: tests },
      to: { path: `${server}(?!$1/)(${rooms.join("|")})/`, pathNot: `${server}[^/]+/index\\.ts$` },
    },
    {
      name: "through-the-door-from-outside",
      comment: "Also the parts that stand beside the rooms enter through index.ts.",
      severity: "error",
      from: { path: `${server}[^/]+\\.ts$`, pathNot: tests },
      to: { path: `${server}(${rooms.join("|")})/`, pathNot: `${server}[^/]+/index\\.ts$` },
    },
    {
      name: "no-circles",
      severity: "error",
      comment: "Files that need each other are one file.",
      from: { path: "^packages/", pathNot: tests },
      to: { circular: true },
    },
    {
      name: "agent-host-stands-alone",
      severity: "error",
      comment: "The agent host outlives servers of several versions: it knows node: and its own few files.",
      from: { path: `${server}agents/host/`, pathNot: tests },
      to: { pathNot: [`${server}agents/host/`], dependencyTypesNot: ["core"] },
    },
    {
      name: "client-knows-protocol-only",
      severity: "error",
      comment: "The client runs in browsers and React Native.",
      from: { path: "^packages/client/src/", pathNot: tests },
      to: {
        path: "^(packages/server|node:|.*node_modules/(?!@claude-companion)|fs$|crypto$|path$)",
        pathNot: "^packages/(client|protocol)/",
      },
    },
    {
      name: "protocol-knows-zod-only",
      severity: "error",
      comment: "The protocol has no I/O.",
      from: { path: "^packages/protocol/src/", pathNot: tests },
      to: { pathNot: "^packages/protocol/src/|node_modules/zod(/|$)" },
    },
    {
      name: "web-knows-client-only",
      severity: "error",
      comment: "All talk of the app goes through the client library.",
      from: { path: "^packages/web/src/", pathNot: tests },
      to: { path: "^(packages/server/|node:|fs$|crypto$|path$)" },
    },
    {
      name: "e2e-from-outside",
      severity: "error",
      comment: "Black-box tests know the wire and the command line only.",
      from: { path: "^e2e/" },
      to: { path: "^packages/server/" },
    },
    {
      name: "only-tests-use-tests",
      severity: "error",
      comment: "The product does not use test code.",
      from: { path: "^packages/", pathNot: tests },
      to: { path: `^e2e/|^bench/|${tests}` },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsPreCompilationDeps: true,
    parser: "swc",
    enhancedResolveOptions: { conditionNames: ["source", "import", "types", "default"], exportsFields: ["exports"] },
    builtInModules: { add: ["sqlite"] },
  },
};
