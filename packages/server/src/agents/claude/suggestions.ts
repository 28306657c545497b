import type { PermissionUpdate, Settings } from "@anthropic-ai/claude-agent-sdk";
import type { PermissionSuggestion, RuleScope } from "@claude-companion/protocol";
import type { z } from "zod";

type Suggestion = z.infer<typeof PermissionSuggestion>;
type Destination = PermissionUpdate["destination"];

const scopes: Record<Destination, z.infer<typeof RuleScope>> = {
  session: "session",
  cliArg: "session",
  localSettings: "local",
  projectSettings: "project",
  userSettings: "user",
};
const reach: Record<z.infer<typeof RuleScope>, string> = {
  session: "in this session",
  local: "for you in this project",
  project: "for everybody in this project",
  user: "for you everywhere",
};
const verbs = { allow: "Allow", deny: "Deny", ask: "Always ask for" } as const;
const modes: Record<string, string> = {
  acceptEdits: "Accept edits of files without asking",
  bypassPermissions: "Never ask for anything",
  default: "Ask as usual",
  plan: "Only plan",
  dontAsk: "Deny what would need asking",
  auto: "Let a classifier decide what needs asking",
};

/** What the CLI suggests, in words. */
export function suggestionOf(update: PermissionUpdate): Suggestion {
  const scope = scopes[update.destination] ?? "session";
  return {
    kind: update.type === "setMode" ? "mode" : "rule",
    text: `${wordsOf(update)}, ${reach[scope]}`,
    scope,
    value: update,
  };
}

function wordsOf(update: PermissionUpdate): string {
  switch (update.type) {
    case "addRules":
    case "replaceRules":
      return `${verbs[update.behavior]} ${update.rules.map(ruleWords).join(" and ")}`;
    case "removeRules":
      return `Forget the rule for ${update.rules.map(ruleWords).join(" and ")}`;
    case "addDirectories":
      return `Work in ${update.directories.join(" and ")}`;
    case "removeDirectories":
      return `Stop working in ${update.directories.join(" and ")}`;
    case "setMode":
      return modes[update.mode] ?? `Mode ${update.mode}`;
    default:
      return update satisfies never;
  }
}

function ruleWords({ toolName, ruleContent }: { toolName: string; ruleContent?: string }): string {
  if (ruleContent === undefined) return `the tool ${toolName}`;
  const prefix = /^(.*?)(?::\*| \*)$/.exec(ruleContent)?.[1];
  if (toolName === "Bash")
    return prefix === undefined ? `the command \`${ruleContent}\`` : `commands that start with \`${prefix}\``;
  if (toolName === "WebFetch" && ruleContent.startsWith("domain:")) return `fetching from ${ruleContent.slice(7)}`;
  return `${toolName} in ${ruleContent.replace(/^\/\//, "/")}`;
}

/** True for what is kept by us and given to each CLI of the session: the CLI itself would forget it with its process. */
export const isKeptByUs = (update: PermissionUpdate): boolean =>
  update.destination === "session" && (update.type === "addRules" || update.type === "addDirectories");

/** Rules of a session as the CLI takes them: live by `applyFlagSettings`, or at its start. */
export function settingsOf(rules: readonly unknown[]): Pick<Settings, "permissions"> {
  // What comes back from storage is what `suggestionOf` was given.
  const updates = rules as PermissionUpdate[];
  const of = (behavior: "allow" | "deny" | "ask") =>
    updates.flatMap((update) =>
      update.type === "addRules" && update.behavior === behavior ? update.rules.map(ruleText) : [],
    );
  const additionalDirectories = updates.flatMap((update) =>
    update.type === "addDirectories" ? update.directories : [],
  );
  return { permissions: { allow: of("allow"), deny: of("deny"), ask: of("ask"), additionalDirectories } };
}

/** As it stands in a settings file. */
export const ruleText = ({ toolName, ruleContent }: { toolName: string; ruleContent?: string }): string =>
  ruleContent === undefined ? toolName : `${toolName}(${ruleContent})`;
