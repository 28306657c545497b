export { createLogger, type Logger } from "./logger.ts";
export { createReport, type Report } from "./report.ts";
