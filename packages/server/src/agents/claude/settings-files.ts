import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PermissionUpdate } from "@anthropic-ai/claude-agent-sdk";
import { CompanionError } from "@claude-companion/protocol";
import { z } from "zod";
import { messageOf } from "../../message-of.ts";
import { ruleText } from "./suggestions.ts";

const Settings = z.looseObject({
  permissions: z
    .looseObject({
      allow: z.array(z.string()).optional(),
      deny: z.array(z.string()).optional(),
      ask: z.array(z.string()).optional(),
      additionalDirectories: z.array(z.string()).optional(),
    })
    .optional(),
});

/**
 * Takes out of Claude's settings files what a rule had put there. One that is not there (any more) is fine. A CLI that
 * runs sees the change by itself.
 * @param options.configDirectory CLAUDE_CONFIG_DIR or `~/.claude`
 * @throws CompanionError `AGENT_FAILED` when a file holds the rule and cannot be changed
 */
export async function removeFromSettings(options: {
  update: PermissionUpdate;
  workingDirectory: string;
  configDirectory: string;
}): Promise<void> {
  const { update } = options;
  for (const path of filesOf(update.destination, options)) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) continue;
    try {
      const settings = Settings.parse(JSON.parse(text));
      if (!remove(settings, update)) continue;
      const next = `${path}.${process.pid}.new`;
      await writeFile(next, `${JSON.stringify(settings, null, 2)}\n`);
      await rename(next, path);
      return;
    } catch (error) {
      throw new CompanionError(
        "AGENT_FAILED",
        `The rule stands in ${path}, which cannot be changed: ${messageOf(error)}. Take it out there.`,
      );
    }
  }
}

/** The CLI writes beside the root of the repository, which is the working directory or above it. */
function filesOf(
  destination: PermissionUpdate["destination"],
  { workingDirectory, configDirectory }: { workingDirectory: string; configDirectory: string },
): string[] {
  if (destination === "userSettings") return [join(configDirectory, "settings.json")];
  const name = destination === "projectSettings" ? "settings.json" : "settings.local.json";
  const files: string[] = [];
  for (let at = workingDirectory; ; at = dirname(at)) {
    files.push(join(at, ".claude", name));
    if (dirname(at) === at) return files;
  }
}

function remove(settings: z.infer<typeof Settings>, update: PermissionUpdate): boolean {
  const { permissions } = settings;
  if (permissions === undefined) return false;
  const [list, gone]: [keyof typeof permissions & string, readonly string[]] =
    update.type === "addRules"
      ? [update.behavior, update.rules.map(ruleText)]
      : ["additionalDirectories", update.type === "addDirectories" ? update.directories : []];
  const before = permissions[list] ?? [];
  if (!Array.isArray(before)) return false;
  const after = before.filter((entry) => !gone.includes(entry));
  permissions[list] = after;
  return after.length < before.length;
}
