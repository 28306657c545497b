import { z } from "zod";
import type { Pairing } from "../../auth/index.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

/** A device becomes known by a code that another one, or the terminal, shows. */
export function addPairingRoutes(app: HttpServer, pairing: Pairing): void {
  const describe = (operationId: string, summary: string) => ({ operationId, summary, tags: ["pairing"] });
  app.post(
    "/api/pairing",
    {
      schema: {
        ...describe("beginPairing", "A code that makes one device known: two minutes, one use."),
        response: { 201: z.object({ code: z.string(), expiresInSeconds: z.number() }), default: Problem },
      },
    },
    async ({ principal }, reply) => reply.code(201).send(pairing.begin(principal.user)),
  );
  app.post(
    "/api/pairing/redeem",
    {
      config: { isOpen: true },
      schema: {
        ...describe("redeemPairing", "Use a code: the answer is a token of this device's own, shown this once."),
        security: [],
        body: z.object({ code: z.string().min(1).max(40), name: z.string().trim().min(1).max(100) }),
        response: { 201: z.object({ tokenId: z.uuid(), token: z.string() }), default: Problem },
      },
    },
    async ({ body }, reply) => reply.code(201).send(await pairing.redeem(body.code, { name: body.name })),
  );
}
