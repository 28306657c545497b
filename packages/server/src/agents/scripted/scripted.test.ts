import { directiveIn } from "../../../../../e2e/kit/directive.ts";
import { agentContract } from "../agent.contract.ts";
import { createScriptedProvider } from "./provider.ts";

agentContract("scripted", async () => {
  const provider = createScriptedProvider({
    async script(agent, text) {
      const directive = directiveIn(text);
      for (const step of directive?.steps ?? []) {
        if (step.say !== undefined && directive?.paceMs) {
          agent.stream(step.say.slice(0, 4));
          await agent.until(new Promise<never>(() => {}));
        }
        if (step.say !== undefined) await agent.say(step.say);
        for (const { name, input } of step.tools ?? []) {
          const answer = await agent.ask({ toolName: name, input, title: `Claude wants to use ${name}` });
          const isError = answer?.decision === "deny";
          agent.useTool(name, input, isError ? (answer.message ?? "denied") : "done", isError);
        }
      }
    },
  });
  return {
    provider,
    workingDirectory: "/",
    asked: async (text) => [...provider.worked.values()].flat().filter((worked) => worked.includes(text)).length,
    async [Symbol.asyncDispose]() {},
  };
});
