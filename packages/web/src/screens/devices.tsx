import type { Companion } from "@claude-companion/client";
import { useState } from "react";
import { useAsked } from "../hooks.ts";
import { Button } from "../parts/button.tsx";
import { Card, Page } from "../parts/page.tsx";
import { SavedInput } from "../parts/saved-input.tsx";
import { ago, messageOf } from "../words.ts";

interface Token {
  tokenId: string;
  name: string;
  createdAt: string;
  lastSeenAt?: string;
  current: boolean;
}

/** Who is let in: named, and taken back at once. */
export default function Devices({ companion }: { companion: Companion }) {
  const { value, failure, again } = useAsked("tokens", async () => {
    const { tokens }: { tokens: Token[] } = await (await companion.fetch("/api/tokens")).json();
    return tokens.toSorted((a, b) => (b.lastSeenAt ?? b.createdAt).localeCompare(a.lastSeenAt ?? a.createdAt));
  });
  const [code, setCode] = useState<string>();
  const [trouble, setTrouble] = useState<string>();
  const attempt = (work: Promise<unknown>) =>
    void work.then(
      () => {
        setTrouble(undefined);
        again();
      },
      (error: unknown) => setTrouble(messageOf(error)),
    );
  async function pair(): Promise<void> {
    const answer = await companion.fetch("/api/pairing", { method: "POST" });
    const { code: made }: { code: string } = await answer.json();
    setCode(made);
  }
  return (
    <Page title="Devices" back={null}>
      {(failure ?? trouble) && (
        <p role="alert" className="text-danger text-sm">
          {failure ?? trouble}
        </p>
      )}
      <Card title="Let another device in">
        {code ? (
          <p>
            Open <code className="break-all">{location.origin}</code> there and type{" "}
            <b className="whitespace-nowrap text-lg tracking-widest">
              {code.slice(0, 4)}-{code.slice(4)}
            </b>
            . It works once, for two minutes.
          </p>
        ) : (
          <Button onClick={() => void pair().catch((error: unknown) => setTrouble(messageOf(error)))}>
            Show a code
          </Button>
        )}
      </Card>
      <ul className="flex flex-col gap-3">
        {value?.map((token) => (
          <li key={token.tokenId}>
            <Device
              token={token}
              onRename={(name) =>
                attempt(
                  companion.fetch(`/api/tokens/${token.tokenId}`, {
                    method: "PUT",
                    headers: { "content-type": "application/json" },
                    body: JSON.stringify({ name }),
                  }),
                )
              }
              onRevoke={() => attempt(companion.fetch(`/api/tokens/${token.tokenId}`, { method: "DELETE" }))}
            />
          </li>
        ))}
      </ul>
      {value?.length === 0 && <p className="text-soft text-sm">Only the owner's own token is in use.</p>}
    </Page>
  );
}

function Device({
  token,
  onRename,
  onRevoke,
}: {
  token: Token;
  onRename: (name: string) => void;
  onRevoke: () => void;
}) {
  const [isSure, setSure] = useState(false);
  const { name, createdAt, lastSeenAt, current } = token;
  return (
    <div className="flex flex-col gap-2 rounded-card border border-line bg-raised p-4">
      <SavedInput
        aria-label="Name of the device"
        maxLength={100}
        value={name}
        onSave={(text) => text !== "" && text !== name && onRename(text)}
      />
      <p className="flex items-center gap-2 text-sm text-soft">
        <span className="flex-1">
          {current ? "This device" : lastSeenAt ? `Last seen ${agoInWords(lastSeenAt)}` : "Not seen yet"}, let in{" "}
          {agoInWords(createdAt)}
        </span>
        <Button look="danger" onClick={() => (isSure ? onRevoke() : setSure(true))}>
          {isSure ? "Really?" : "Take back"}
        </Button>
      </p>
    </div>
  );
}

function agoInWords(time: string): string {
  const brief = ago(time);
  return brief === "now" ? "just now" : `${brief} ago`;
}
