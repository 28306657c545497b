export { createSchedules, type Schedules, scheduleOf } from "./schedules.ts";
