import type { Companion } from "@claude-companion/client";
import type { AgentInfo, CommandInput } from "@claude-companion/protocol";
import { Archive, ArchiveRestore, Download, GitFork, Moon, Trash2 } from "lucide-react";
import { type ReactNode, useState } from "react";
import { type SessionSummary, useAsked } from "../hooks.ts";
import { go } from "../router.ts";
import type { ContextUsage } from "../use-context-usage.ts";
import { briefly, dollars, isAwake, messageOf, permissionModes } from "../words.ts";
import { Button } from "./button.tsx";
import { field } from "./field.ts";
import { SavedInput } from "./saved-input.tsx";

/** What a session is, what it costs, and what can be changed about it. */
export function SessionDetails({
  companion,
  sessionId,
  session,
  agent,
  context,
  costUsd,
}: {
  companion: Companion;
  sessionId: string;
  session: SessionSummary | undefined;
  agent: AgentInfo | undefined;
  context: ContextUsage | undefined;
  costUsd: number | undefined;
}) {
  const [failure, setFailure] = useState<string>();
  const [isDeleting, setDeleting] = useState(false);
  // Models are the agent's to name; a sleeping one need not be woken for what is there already.
  const canAsk = session !== undefined && isAwake(session.status);
  const offered = useAsked(`${sessionId}/${canAsk}`, async () =>
    canAsk ? companion.request("describeAgent", { sessionId }) : undefined,
  );
  if (session === undefined) return <p className="text-sm text-soft">Nothing is known of it here.</p>;
  const attempt = (work: Promise<unknown>) =>
    void work.then(
      () => setFailure(undefined),
      (error: unknown) => setFailure(messageOf(error)),
    );
  const update = (change: Omit<CommandInput<"updateSession">, "sessionId">) =>
    attempt(companion.request("updateSession", { sessionId, ...change }));
  const models = offered.value?.models ?? [];
  const efforts = models.find(({ model }) => model === session.model)?.efforts ?? agent?.capabilities.efforts ?? [];

  return (
    <div className="flex flex-col gap-4">
      {failure && (
        <p role="alert" className="text-danger text-sm">
          {failure}
        </p>
      )}
      <Labelled label="Name">
        <SavedInput
          value={session.title}
          onSave={(title) => {
            if (title !== "" && title !== session.title) update({ title });
          }}
        />
      </Labelled>
      <Labelled label="Tags, with commas between">
        <SavedInput
          value={session.tags.join(", ")}
          onSave={(text) => {
            const tags = text
              .split(",")
              .map((tag) => tag.trim())
              .filter((tag) => tag !== "");
            if (tags.join() !== session.tags.join()) update({ tags });
          }}
        />
      </Labelled>
      <Labelled label="What Claude may do">
        <select
          value={session.permissionMode}
          onChange={({ target }) =>
            attempt(
              companion.request("setPermissionMode", {
                sessionId,
                permissionMode: target.value as SessionSummary["permissionMode"],
              }),
            )
          }
          className={field}
        >
          {(agent?.capabilities.permissionModes ?? [session.permissionMode]).map((mode) => (
            <option key={mode} value={mode}>
              {permissionModes[mode] ?? mode}
            </option>
          ))}
        </select>
      </Labelled>
      {models.length > 0 && (
        <Labelled label="Model">
          <select
            value={models.some(({ model }) => model === session.model) ? session.model : ""}
            onChange={({ target }) => attempt(companion.request("setModel", { sessionId, model: target.value }))}
            className={field}
          >
            {!models.some(({ model }) => model === session.model) && (
              <option value="">{session.model ?? "as it is"}</option>
            )}
            {models.map(({ model, name }) => (
              <option key={model} value={model}>
                {name}
              </option>
            ))}
          </select>
        </Labelled>
      )}
      {efforts.length > 0 && (
        <Labelled label="Effort">
          <select
            value={session.effort ?? ""}
            onChange={({ target }) =>
              attempt(
                companion.request("setEffort", {
                  sessionId,
                  effort: target.value as NonNullable<SessionSummary["effort"]>,
                }),
              )
            }
            className={field}
          >
            {session.effort === undefined && <option value="">as it is</option>}
            {efforts.map((effort) => (
              <option key={effort} value={effort}>
                {effort}
              </option>
            ))}
          </select>
        </Labelled>
      )}
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        <dt className="text-soft">Cost</dt>
        <dd>{costUsd === undefined ? "nothing yet" : dollars(costUsd)}</dd>
        {context && (
          <>
            <dt className="text-soft">Context</dt>
            <dd>
              {briefly(context.totalTokens)} of {briefly(context.maxTokens)} tokens ({Math.round(context.percentage)} %)
            </dd>
            {context.categories
              .filter(({ kind, tokens }) => kind === "used" && tokens > 0)
              .map(({ name, tokens }) => (
                <div key={name} className="col-span-2 flex justify-between gap-2 pl-4 text-soft text-xs">
                  <dt>{name}</dt>
                  <dd>{briefly(tokens)}</dd>
                </div>
              ))}
          </>
        )}
        <dt className="text-soft">Directory</dt>
        <dd className="break-all">{session.workingDirectory}</dd>
        <dt className="text-soft">Agent</dt>
        <dd>{agent ? `${agent.name} ${agent.version ?? ""}` : session.agent}</dd>
      </dl>
      <div className="flex flex-col gap-2">
        <Button onClick={() => update({ archived: !session.archived })}>
          {session.archived ? (
            <ArchiveRestore aria-hidden className="size-4" />
          ) : (
            <Archive aria-hidden className="size-4" />
          )}
          {session.archived ? "Back into the list" : "Archive"}
        </Button>
        <Button
          onClick={() =>
            attempt(
              companion
                .request("forkSession", { sessionId })
                .then(({ session: made }) => go(`/session/${made.sessionId}`)),
            )
          }
        >
          <GitFork aria-hidden className="size-4" /> Go on in a copy
        </Button>
        <Button onClick={() => attempt(download(companion, sessionId))}>
          <Download aria-hidden className="size-4" /> Save as Markdown
        </Button>
        {canAsk && (
          <Button onClick={() => attempt(companion.request("restartAgent", { sessionId }))}>
            <Moon aria-hidden className="size-4" /> Restart the agent
          </Button>
        )}
        {isDeleting ? (
          <Button
            look="danger"
            onClick={() => attempt(companion.request("deleteSession", { sessionId }).then(() => go("/")))}
          >
            Delete it for good
          </Button>
        ) : (
          <Button look="danger" onClick={() => setDeleting(true)}>
            <Trash2 aria-hidden className="size-4" /> Delete…
          </Button>
        )}
      </div>
    </div>
  );
}

function Labelled({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: it is among the children
    <label className="flex flex-col gap-1 text-sm">
      <span className="text-soft">{label}</span>
      {children}
    </label>
  );
}

async function download(companion: Companion, sessionId: string): Promise<void> {
  const { name, mediaType, content } = await companion.request("exportSession", { sessionId });
  const address = URL.createObjectURL(new Blob([content], { type: mediaType }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
