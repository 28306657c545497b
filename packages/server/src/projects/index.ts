export { createDirectories, type Directories } from "./directories.ts";
export { findRepositories } from "./discovery.ts";
export { createFiles, type Files } from "./files.ts";
export { nearest, walkFiles } from "./find.ts";
export { createGit, type Git } from "./git.ts";
