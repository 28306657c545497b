import { createHighlighterCore, type HighlighterCore, type LanguageInput, type ThemedToken } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";

/** Each is loaded when it is first met. */
const languages: Readonly<Record<string, () => Promise<unknown>>> = {
  bash: () => import("shiki/langs/bash.mjs"),
  c: () => import("shiki/langs/c.mjs"),
  cpp: () => import("shiki/langs/cpp.mjs"),
  csharp: () => import("shiki/langs/csharp.mjs"),
  css: () => import("shiki/langs/css.mjs"),
  diff: () => import("shiki/langs/diff.mjs"),
  docker: () => import("shiki/langs/docker.mjs"),
  go: () => import("shiki/langs/go.mjs"),
  html: () => import("shiki/langs/html.mjs"),
  java: () => import("shiki/langs/java.mjs"),
  javascript: () => import("shiki/langs/javascript.mjs"),
  json: () => import("shiki/langs/json.mjs"),
  jsx: () => import("shiki/langs/jsx.mjs"),
  kotlin: () => import("shiki/langs/kotlin.mjs"),
  lua: () => import("shiki/langs/lua.mjs"),
  make: () => import("shiki/langs/make.mjs"),
  markdown: () => import("shiki/langs/markdown.mjs"),
  php: () => import("shiki/langs/php.mjs"),
  python: () => import("shiki/langs/python.mjs"),
  ruby: () => import("shiki/langs/ruby.mjs"),
  rust: () => import("shiki/langs/rust.mjs"),
  sql: () => import("shiki/langs/sql.mjs"),
  svelte: () => import("shiki/langs/svelte.mjs"),
  swift: () => import("shiki/langs/swift.mjs"),
  toml: () => import("shiki/langs/toml.mjs"),
  tsx: () => import("shiki/langs/tsx.mjs"),
  typescript: () => import("shiki/langs/typescript.mjs"),
  vue: () => import("shiki/langs/vue.mjs"),
  xml: () => import("shiki/langs/xml.mjs"),
  yaml: () => import("shiki/langs/yaml.mjs"),
};

let opening: Promise<HighlighterCore> | undefined;
const open = (): Promise<HighlighterCore> => {
  opening ??= createHighlighterCore({
    themes: [
      import("shiki/themes/github-light-high-contrast.mjs"),
      import("shiki/themes/github-dark-high-contrast.mjs"),
    ],
    // Expressions of the platform: WebAssembly would need a weaker security policy.
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  return opening;
};

/** A piece of code in one colour, which suits light and dark. */
export interface Piece {
  text: string;
  color: string | undefined;
}

/** Lines of code in colours; undefined when the language is none that we know. */
export async function highlight(code: string, language: string): Promise<Piece[][] | undefined> {
  const load = languages[language];
  if (load === undefined) return undefined;
  const highlighter = await open();
  if (!highlighter.getLoadedLanguages().includes(language)) await highlighter.loadLanguage(load as LanguageInput);
  const { tokens } = highlighter.codeToTokens(code, {
    lang: language,
    themes: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    defaultColor: "light-dark()",
  });
  return tokens.map((line) => line.map(pieceOf));
}

const pieceOf = ({ content, htmlStyle, color }: ThemedToken): Piece => ({
  text: content,
  color: htmlStyle?.color ?? color,
});
