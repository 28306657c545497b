/**
 * What an agent may see of our environment. An agent runs shell commands for its user: our own tokens, push keys and
 * database addresses must never be among what `env` prints there, so the environment is built from an allow-list.
 */
const allowedNames = new Set([
  "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "COLORTERM", "TZ", "TMPDIR", "TMP", "TEMP",
  "SSH_AUTH_SOCK", "DISPLAY", "WAYLAND_DISPLAY", "EDITOR", "VISUAL", "PAGER",
  "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
  "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
  "IS_SANDBOX", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING", "MAX_THINKING_TOKENS",
  "MCP_TIMEOUT", "MCP_TOOL_TIMEOUT", "MAX_MCP_OUTPUT_TOKENS", "USE_BUILTIN_RIPGREP",
  // Windows
  "SystemRoot", "SYSTEMROOT", "windir", "ComSpec", "COMSPEC", "PATHEXT", "Path", "USERPROFILE", "HOMEDRIVE", "HOMEPATH",
  "APPDATA", "LOCALAPPDATA", "ProgramData", "ProgramFiles", "ProgramFiles(x86)", "USERNAME", "USERDOMAIN",
]); // biome-ignore format: a list of names reads better in rows
const allowedPrefixes = [
  "LC_",
  "XDG_",
  "ANTHROPIC_",
  "CLAUDE_",
  "AWS_",
  "GOOGLE_",
  "CLOUD_ML_",
  "VERTEX_",
  "AZURE_",
  "BASH_DEFAULT_",
  "BASH_MAX_",
  "GIT_AUTHOR_",
  "GIT_COMMITTER_",
];
const deniedPrefixes = ["CLAUDE_COMPANION_", "CLAUDE_CLI_PATH"];

/**
 * The environment for an agent.
 * @param environment ours
 * @param alsoAllowed further names that the user configured (AGENT_ENV)
 */
export function agentEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  alsoAllowed: readonly string[],
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) continue;
    const allowed = allowedNames.has(name) || allowedPrefixes.some((prefix) => name.startsWith(prefix));
    const denied = deniedPrefixes.some((prefix) => name.startsWith(prefix));
    if ((allowed && !denied) || alsoAllowed.includes(name)) result[name] = value;
  }
  return result;
}
