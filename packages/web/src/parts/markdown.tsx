import { type ComponentProps, memo, type ReactElement, type ReactNode } from "react";
import ReactMarkdown from "react-markdown";
import remarkGfm from "remark-gfm";
import remend from "remend";
import { blocksOfMarkdown } from "../markdown-blocks.ts";
import { CodeBlock } from "./code.tsx";

/** What an agent writes. Markup is shown and never run, pictures from elsewhere are links, links open outside. */
export const Markdown = memo(function Markdown({ text, isLive = false }: { text: string; isLive?: boolean }) {
  const blocks = blocksOfMarkdown(text);
  return (
    <div className="prose max-w-[68ch] break-words" dir="auto">
      {blocks.map((block, i) => (
        // What began somewhere begins there for good: texts only grow.
        // biome-ignore lint/suspicious/noArrayIndexKey: a block has no other name
        <Block key={i} text={isLive && i === blocks.length - 1 ? remend(block) : block} />
      ))}
    </div>
  );
});

const plugins = [remarkGfm];
const components: ComponentProps<typeof ReactMarkdown>["components"] = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  ),
  img: ({ src, alt }) => (
    <a href={typeof src === "string" ? src : undefined} target="_blank" rel="noopener noreferrer">
      {alt || "picture"}
    </a>
  ),
  pre: ({ children }) => {
    const { className, children: code } = (children as ReactElement<{ className?: string; children?: ReactNode }>)
      .props;
    return <CodeBlock text={String(code).replace(/\n$/, "")} language={/language-(\S+)/.exec(className ?? "")?.[1]} />;
  },
};

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <ReactMarkdown remarkPlugins={plugins} components={components}>
      {text}
    </ReactMarkdown>
  );
});
