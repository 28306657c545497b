export { createLogger } from "./logger.ts";
export { createReport, type Report } from "./report.ts";
