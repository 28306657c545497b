import { CompanionError } from "@claude-companion/protocol";
import type { AgentProvider, Configuration } from "../agents/index.ts";

/** @throws CompanionError `INVALID_REQUEST` for what this agent does not offer, with what it does */
export function refuseUnoffered(
  { name, capabilities }: Pick<AgentProvider, "name" | "capabilities">,
  { permissionMode, effort }: Pick<Configuration, "permissionMode" | "effort">,
): void {
  if (permissionMode !== undefined && !capabilities.permissionModes.includes(permissionMode))
    throw new CompanionError(
      "INVALID_REQUEST",
      `${name} does not offer the mode ${permissionMode} here. Choose one of: ${capabilities.permissionModes.join(", ")}.`,
    );
  if (effort !== undefined && !capabilities.efforts.includes(effort))
    throw new CompanionError("INVALID_REQUEST", `${name} does not know the effort ${effort}.`);
}
