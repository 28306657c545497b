export { createUploads, hasUploads, type Uploads } from "./uploads.ts";
