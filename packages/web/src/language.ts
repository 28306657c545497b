/** Other names of languages, and the ends of files that hold them. */
const languages: Readonly<Record<string, string>> = {
  bash: "bash sh shell zsh console",
  c: "c h",
  cpp: "cpp cc cxx hpp c++",
  csharp: "csharp cs",
  css: "css scss less",
  diff: "diff patch",
  docker: "docker dockerfile",
  go: "go golang",
  html: "html htm",
  java: "java",
  javascript: "javascript js mjs cjs",
  json: "json jsonc json5 webmanifest",
  jsx: "jsx",
  kotlin: "kotlin kt kts",
  lua: "lua",
  make: "make makefile mk",
  markdown: "markdown md mdx",
  php: "php",
  python: "python py",
  ruby: "ruby rb",
  rust: "rust rs",
  sql: "sql",
  svelte: "svelte",
  swift: "swift",
  toml: "toml",
  tsx: "tsx",
  typescript: "typescript ts mts cts",
  vue: "vue",
  xml: "xml svg plist",
  yaml: "yaml yml",
};
const names = new Map(Object.entries(languages).flatMap(([name, all]) => all.split(" ").map((one) => [one, name])));

/** The language that a name means, or that a file holds by its name; undefined: none that is known. */
export function languageOf(nameOrPath: string): string | undefined {
  const base = nameOrPath.split("/").at(-1)?.toLowerCase() ?? "";
  return names.get(base) ?? names.get(base.split(".").at(-1) ?? "");
}
