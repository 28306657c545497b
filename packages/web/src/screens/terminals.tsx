import type { Companion } from "@claude-companion/client";
import type { CommandAck } from "@claude-companion/protocol";
import { useState } from "react";
import { useAsked } from "../hooks.ts";
import { field } from "../parts/field.ts";
import { Page } from "../parts/page.tsx";
import { go } from "../router.ts";
import { ago, messageOf } from "../words.ts";

type Conversation = CommandAck<"listConversations">["conversations"][number];

/** What was begun in a terminal, to go on with from here. */
export default function Terminals({ companion }: { companion: Companion }) {
  const [search, setSearch] = useState("");
  const { value, failure } = useAsked(search, () =>
    companion.request("listConversations", { limit: 100, ...(search === "" ? {} : { search }) }),
  );
  const [trouble, setTrouble] = useState<string>();
  async function take({ conversationId, workingDirectory, sessionId, agent }: Conversation): Promise<void> {
    if (sessionId !== undefined) return go(`/session/${sessionId}`);
    try {
      const { session } = await companion.request("createSession", { conversationId, workingDirectory, agent });
      return go(`/session/${session.sessionId}`);
    } catch (error) {
      return setTrouble(messageOf(error));
    }
  }
  return (
    <Page title="From terminals">
      <input
        type="search"
        aria-label="Search conversations"
        placeholder="Search"
        value={search}
        onChange={({ target }) => setSearch(target.value)}
        className={field}
      />
      {(failure ?? trouble) && (
        <p role="alert" className="text-danger text-sm">
          {failure ?? trouble}
        </p>
      )}
      {value?.conversations.length === 0 && <p className="text-soft">No conversation was found.</p>}
      <ul className="rounded-card border border-line bg-raised empty:hidden">
        {value?.conversations.map((conversation) => (
          <li key={conversation.conversationId} className="border-line border-b last:border-0">
            <button
              type="button"
              onClick={() => void take(conversation)}
              className="flex w-full flex-col gap-0.5 px-4 py-3 text-left"
            >
              <span className="flex w-full gap-2">
                <span className="min-w-0 flex-1 truncate font-medium">{conversation.title}</span>
                <span className="shrink-0 text-soft text-xs">{ago(conversation.lastActivityAt)}</span>
              </span>
              <span className="truncate text-sm text-soft">
                {conversation.workingDirectory.split("/").at(-1)}
                {conversation.branch && ` · ${conversation.branch}`}
                {conversation.running && " · open now"}
                {conversation.sessionId && " · a session here"}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Page>
  );
}
