import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createMemoryStorage } from "../storage/index.ts";
import { createAuth, createOriginPolicy } from "./index.ts";

async function start() {
  let now = 0;
  const clock = { now: () => now, monotonicMs: () => now, after: () => () => {} };
  const storage = createMemoryStorage();
  const options = { authToken: "the-token-of-the-owner", records: storage.records, clock };
  return {
    auth: await createAuth(options),
    again: () => createAuth(options),
    storage,
    pass: (ms: number) => (now += ms),
  };
}

describe("auth", () => {
  test("[AUT-3] the owner's token and tokens that were given out are known, others are not", async () => {
    const { auth, again, storage } = await start();
    assert.deepEqual(auth.authenticate("the-token-of-the-owner"), { user: "owner", tokenId: "config" });
    for (const wrong of ["", "the-token-of-the-owne", "the-token-of-the-owner ", "THE-TOKEN-OF-THE-OWNER"])
      assert.equal(auth.authenticate(wrong), undefined);
    const { token, tokenId } = await auth.createToken({ user: "ada", name: "phone" });
    assert.deepEqual(auth.authenticate(token), { user: "ada", tokenId });
    assert.deepEqual((await again()).authenticate(token), { user: "ada", tokenId }, "after a restart");
    assert.ok(!JSON.stringify(await storage.records.tokens.list()).includes(token), "only the hash is kept");
    assert.ok(!JSON.stringify(auth.listTokens("ada")).includes("hash"));
  });

  test("[AUT-4] a revoked token is dead at once and stays dead; its tickets too; nobody revokes another's", async () => {
    const { auth, again } = await start();
    const { token, tokenId } = await auth.createToken({ user: "ada", name: "phone" });
    const principal = auth.authenticate(token);
    assert.ok(principal);
    const { ticket } = auth.issueTicket(principal);
    const revoked: string[] = [];
    auth.onRevoked((id) => revoked.push(id));
    assert.equal(await auth.revokeToken("bob", tokenId), false);
    assert.equal(await auth.revokeToken("ada", tokenId), true);
    assert.deepEqual([auth.authenticate(token), auth.redeemTicket(ticket), revoked], [undefined, undefined, [tokenId]]);
    assert.equal((await again()).authenticate(token), undefined);
    assert.equal(await auth.revokeToken("ada", tokenId), false);
  });

  test("[AUT-5] a ticket lasts 30 s", async () => {
    const { auth, pass } = await start();
    const principal = { user: "owner", tokenId: "config" };
    const [early, late] = [auth.issueTicket(principal), auth.issueTicket(principal)];
    pass(29_999);
    assert.deepEqual(auth.redeemTicket(early.ticket), principal);
    pass(2);
    assert.equal(auth.redeemTicket(late.ticket), undefined);
  });

  test("[AUT-6] hosts: addresses and localhost, and names that are configured; origins: the page's own host, and those configured", () => {
    const policy = createOriginPolicy({ hosts: ["box.example"], origins: ["https://app.example/"] });
    for (const host of [
      "localhost",
      "localhost:3001",
      "127.0.0.1:3001",
      "[::1]:3001",
      "192.168.1.4",
      "BOX.example",
      "x.localhost",
    ])
      assert.equal(policy.allowsHost(host), true, host);
    for (const host of [undefined, "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "a b"])
      assert.equal(policy.allowsHost(host), false, host);
    assert.equal(policy.allowsOrigin(undefined, "localhost"), true);
    assert.equal(policy.allowsOrigin("http://localhost:3001", "localhost:3001"), true);
    assert.equal(policy.allowsOrigin("https://app.example", "localhost:3001"), true);
    for (const origin of ["http://localhost:3002", "https://evil.example", "null", "nonsense"])
      assert.equal(policy.allowsOrigin(origin, "localhost:3001"), false, origin);
  });
});
