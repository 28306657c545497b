import { CompanionError, Timestamp } from "@claude-companion/protocol";
import { z } from "zod";
import type { Auth } from "../../auth/index.ts";
import { isoTime } from "../../clock.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const Token = z.object({
  tokenId: z.uuid(),
  name: z.string(),
  createdAt: Timestamp,
  lastSeenAt: Timestamp.optional().meta({ description: "To the minute; absent: it was never used." }),
  current: z.boolean().meta({ description: "The one that asks." }),
});

/** Tickets for WebSocket URLs, and further tokens of a user: one for each device, so that one can be taken back alone. */
export function addTokenRoutes(app: HttpServer, auth: Auth): void {
  const describe = (operationId: string, summary: string) => ({ operationId, summary, tags: ["tokens"] });

  app.post(
    "/api/auth/ticket",
    {
      schema: {
        ...describe("issueTicket", "A one-time ticket for a WebSocket URL (30 s), so that no token stands there."),
        response: { 200: z.object({ ticket: z.string(), expiresInSeconds: z.number() }), default: Problem },
      },
    },
    async (request) => auth.issueTicket(request.principal),
  );
  app.post(
    "/api/tokens",
    {
      schema: {
        ...describe("createToken", "A new token. It is shown this once; the server keeps only its hash."),
        body: z.object({ name: z.string().trim().min(1).max(100) }),
        response: { 201: z.object({ tokenId: z.uuid(), token: z.string() }), default: Problem },
      },
    },
    async ({ principal, body }, reply) =>
      reply.code(201).send(await auth.createToken({ user: principal.user, name: body.name })),
  );
  app.get(
    "/api/tokens",
    {
      schema: {
        ...describe("listTokens", "Your tokens, without the secret."),
        response: { 200: z.object({ tokens: z.array(Token) }), default: Problem },
      },
    },
    async ({ principal }) => ({
      tokens: auth.listTokens(principal.user).map(({ tokenId, name, createdAt, lastSeenAt }) => ({
        tokenId,
        name,
        createdAt: isoTime(createdAt),
        ...(lastSeenAt === undefined ? {} : { lastSeenAt: isoTime(lastSeenAt) }),
        current: tokenId === principal.tokenId,
      })),
    }),
  );
  const unknown = () => new CompanionError("NOT_FOUND", "You have no such token. List yours with GET /api/tokens.");
  app.put(
    "/api/tokens/:tokenId",
    {
      schema: {
        ...describe("renameToken", "Another name for a token: of the device that has it."),
        params: z.object({ tokenId: z.uuid() }),
        body: z.object({ name: z.string().trim().min(1).max(100) }),
        response: { 200: z.object({}), default: Problem },
      },
    },
    async ({ principal, params, body }) => {
      if (await auth.renameToken(principal.user, params.tokenId, body.name)) return {};
      throw unknown();
    },
  );
  app.delete(
    "/api/tokens/:tokenId",
    {
      schema: {
        ...describe("revokeToken", "Takes a token back at once; its connections are closed (4501)."),
        params: z.object({ tokenId: z.uuid() }),
        response: { 200: z.object({}), default: Problem },
      },
    },
    async ({ principal, params }) => {
      if (await auth.revokeToken(principal.user, params.tokenId)) return {};
      throw unknown();
    },
  );
}
