import { type Schedules, scheduleOf } from "../schedules/index.ts";
import { actorOf, type Handlers } from "./handlers.ts";

/** Messages that are sent later, or again and again. */
export function scheduleHandlers({
  schedules,
}: {
  schedules: Schedules;
}): Pick<Handlers, "scheduleMessage" | "listSchedules" | "updateSchedule" | "cancelSchedule"> {
  return {
    async scheduleMessage(caller, { scheduleId, ...request }) {
      const made = await schedules.create(caller.user, { ...request, scheduleId, by: actorOf(caller) });
      return { schedule: scheduleOf(made) };
    },
    async listSchedules(caller, { sessionId, finished }) {
      const listed = await schedules.list(caller.user, { sessionId, finished });
      return { schedules: listed.map(scheduleOf) };
    },
    async updateSchedule(caller, { scheduleId, ...change }) {
      return { schedule: scheduleOf(await schedules.update(caller.user, scheduleId, change)) };
    },
    async cancelSchedule(caller, { scheduleId }) {
      return { schedule: scheduleOf(await schedules.cancel(caller.user, scheduleId)) };
    },
  };
}
