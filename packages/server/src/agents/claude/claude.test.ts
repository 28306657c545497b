import { startModel } from "../../../../../e2e/kit/model.ts";
import { makePlace } from "../../../../../e2e/kit/server.ts";
import { agentContract } from "../agent.contract.ts";
import { claudeIn } from "./claude.fixture.ts";

agentContract("the real Claude CLI", async () => {
  const model = await startModel();
  const place = await makePlace(model.url);
  return {
    provider: claudeIn(place),
    workingDirectory: place.project,
    asked: model.asked,
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
    },
  };
});
