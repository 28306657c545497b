import { Check, ChevronRight, Loader, X } from "lucide-react";
import { memo, type ReactNode, useState } from "react";
import { countOf, linesOfEdit, linesOfPatch } from "../diff-lines.ts";
import { headingOf, type Tool } from "../tool-heading.ts";
import { Counts } from "./diff.tsx";
import { Picture } from "./picture.tsx";
import { ToolBody } from "./tool-body.tsx";

/** A tool at work or done: one line, which opens. A failed one is open. What a sub-agent did stands in its tool's card. */
export const ToolCard = memo(function ToolCard({ tool, children }: { tool: Tool; children?: ReactNode }) {
  const { icon: Icon, verb, object } = headingOf(tool);
  const { result, name, input } = tool;
  const isFailed = result?.isError ?? false;
  const [choice, setChoice] = useState<boolean>();
  const isOpen = choice ?? isFailed;
  const change = linesOfPatch(result?.detail) ?? linesOfEdit(name, input);
  return (
    <details
      open={isOpen}
      onToggle={({ currentTarget }) => currentTarget.open !== isOpen && setChoice(currentTarget.open)}
      className="group rounded-card border border-line bg-raised"
    >
      <summary className="target flex cursor-pointer list-none items-center gap-2 px-3 text-sm">
        <Icon aria-hidden className="size-4 shrink-0 text-soft" />
        <span className="shrink-0">{verb}</span>
        <code className="min-w-0 flex-1 truncate text-soft">{object}</code>
        {change && !isFailed && <Counts {...countOf(change)} />}
        {tool.live ? (
          <Loader aria-label="at work" role="img" className="size-4 shrink-0 animate-spin text-soft" />
        ) : isFailed ? (
          <X aria-label="failed" role="img" className="size-4 shrink-0 text-danger" />
        ) : (
          <Check aria-label="done" role="img" className="size-4 shrink-0 text-done" />
        )}
        <ChevronRight aria-hidden className="size-4 shrink-0 text-soft transition-transform group-open:rotate-90" />
      </summary>
      {isOpen && (
        <div className="flex flex-col gap-2 border-line border-t px-3 py-2">
          <ToolBody tool={tool} change={change} />
          {children}
        </div>
      )}
      {!isOpen && result && result.images.length > 0 && (
        <div className="px-3 pb-3">
          {result.images.map((address) => (
            <Picture key={address} address={address} name="what the tool showed" />
          ))}
        </div>
      )}
    </details>
  );
});
