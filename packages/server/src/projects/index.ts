export { createProject } from "./creation.ts";
export { createDirectories, type Directories, isWithin } from "./directories.ts";
export { findRepositories } from "./discovery.ts";
export { createFiles, type Files } from "./files.ts";
export { nearest, walkFiles } from "./find.ts";
export { createGit, type Git } from "./git.ts";
export { createGitRunner, type GitRunner } from "./git-runner.ts";
export { searchFiles } from "./search.ts";
