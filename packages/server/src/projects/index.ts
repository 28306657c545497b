export { createDirectories, type Directories } from "./directories.ts";
