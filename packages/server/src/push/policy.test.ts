import assert from "node:assert/strict";
import { test } from "node:test";
import { PushReason } from "@claude-companion/protocol";
import { createAttention } from "./attention.ts";
import { decide, newsDelayMs, promptDelayMs, type Situation } from "./policy.ts";

const noon = Date.UTC(2026, 10, 25, 12, 0, 0);
const minute = 60_000;
const hour = 60 * minute;
const base: Situation = {
  reason: "permission",
  now: noon,
  happenedAt: noon,
  expiresAt: noon + 24 * hour,
  preferences: {
    enabled: true,
    reasons: [...PushReason.options],
    quietHours: null,
    perHourMax: 3,
    previews: false,
    whileLookingElsewhere: true,
    step: 0,
  },
  workingDirectory: "/home/ada/shop",
  unusable: undefined,
  lookingUntil: undefined,
  isLookedAtElsewhere: false,
  sentAt: [],
};
const news = { reason: "turnFinished" } as const;
const prefer = (change: Partial<Situation["preferences"]>) => ({ preferences: { ...base.preferences, ...change } });
const quiet = (from: string, to: string, timeZone = "UTC") => prefer({ quietHours: { from, to, timeZone } });
const busy = { sentAt: [noon - 2 * hour, noon - 50 * minute, noon - 20 * minute, noon - minute] };

/** When it is told, from now; `false`: not. */
const table: [string, Partial<Situation>, number | false, RegExp][] = [
  ["a prompt waits a moment", {}, promptDelayMs, /not looking/],
  ["a question too", { reason: "question" }, promptDelayMs, /not looking/],
  ["news wait for the next turn", news, newsDelayMs, /not looking/],
  ["what happened a while ago is told at once", { happenedAt: noon - minute }, 0, /not looking/],
  ["a failure is news", { reason: "turnFailed" }, newsDelayMs, /not looking/],
  ["too old", { expiresAt: noon }, false, /too old/],
  ["a dead address", { unusable: "Its address is dead." }, false, /dead/],
  ["switched off", prefer({ enabled: false }), false, /Switched off/],
  ["another reason", prefer({ reasons: ["turnFailed"] }), false, /does not want to be told of permission/],
  ["a wanted reason", prefer({ reasons: ["permission"] }), promptDelayMs, /not looking/],
  ["another project", prefer({ projects: ["/home/ada/blog"] }), false, /not among those/],
  ["a project whose name only begins alike", prefer({ projects: ["/home/ada/sho"] }), false, /not among those/],
  ["its project", prefer({ projects: ["/home/ada/shop"] }), promptDelayMs, /not looking/],
  ["a directory above", prefer({ projects: ["/home/ada/"] }), promptDelayMs, /not looking/],
  ["no project at all", prefer({ projects: [] }), false, /not among those/],
  ["a device that looks is told when it looks away", { lookingUntil: noon + 40_000 }, 40_000, /if it looks away/],
  ["and is not told news", { ...news, lookingUntil: noon + 40_000 }, false, /is looking/],
  ["another device looks: told all the same", { isLookedAtElsewhere: true }, promptDelayMs, /not looking/],
  [
    "unless it is to be quiet then",
    { ...prefer({ whileLookingElsewhere: false }), isLookedAtElsewhere: true },
    false,
    /another device/,
  ],
  ["quiet hours put a prompt off", quiet("11:00", "13:30"), 90 * minute, /Quiet hours/],
  ["and drop news", { ...news, ...quiet("11:00", "13:30") }, false, /Quiet hours/],
  ["they end on the minute", { ...quiet("11:00", "13:30"), now: noon + 90 * minute - 1 }, 90 * minute, /Quiet/],
  ["over midnight", quiet("22:00", "13:00"), hour, /Quiet/],
  ["over midnight, in the evening", { ...quiet("22:00", "07:00"), now: noon + 11 * hour }, 19 * hour, /Quiet/],
  ["not quiet before", quiet("12:01", "13:00"), promptDelayMs, /not looking/],
  ["not quiet after", quiet("11:00", "12:00"), promptDelayMs, /not looking/],
  ["in another time zone", quiet("21:00", "22:00", "Asia/Tokyo"), hour, /Quiet/],
  ["never quiet when both are the same", quiet("12:00", "12:00"), promptDelayMs, /not looking/],
  ["a full hour puts a prompt off", busy, 10 * minute, /limit/],
  ["and drops news", { ...news, ...busy }, false, /3 notifications/],
  [
    "what is older does not count",
    { sentAt: [noon - 3 * hour, noon - hour, noon - minute, noon] },
    promptDelayMs,
    /not/,
  ],
];

test("[PSH-1] who is told, when, and why not", async (t) => {
  for (const [name, change, wanted, why] of table) {
    await t.test(name, () => {
      const decision = decide({ ...base, ...change });
      assert.equal(decision.send ? decision.at - noon : false, wanted);
      assert.match(decision.why, why);
    });
  }
});

test("[PSH-2] attention decides, not connections: a device looks while it says so and its person did something within a minute", () => {
  let now = noon;
  const attention = createAttention({ now: () => now });
  const heard: string[] = [];
  const stop = attention.watch((device, session) => heard.push(`${device} ${session}`));
  assert.equal(attention.lookingUntil("phone", "s"), undefined, "nobody looks who did not say so");
  attention.acted("phone", "s");
  assert.equal(attention.lookingUntil("phone", "s"), noon + minute);
  assert.equal(attention.lookingUntil("phone", "other"), undefined, "only at that session");
  assert.equal(attention.isLookedAtElsewhere("phone", "s"), false);
  assert.equal(attention.isLookedAtElsewhere("desk", "s"), true);
  now += minute - 1;
  assert.equal(attention.lookingUntil("phone", "s"), noon + minute);
  now += 1;
  assert.equal(attention.lookingUntil("phone", "s"), undefined, "a minute without a hand is no attention");
  attention.acted("phone", "s");
  assert.equal(attention.lookingUntil("phone", "s"), now + minute, "a hand renews it");
  now -= 10 * minute;
  assert.equal(attention.lookingUntil("phone", "s"), undefined, "a clock that was set back makes none");
  now += 10 * minute;
  attention.lookedAway("phone", "s");
  assert.equal(attention.lookingUntil("phone", "s"), undefined);
  assert.equal(attention.lastActedAt("s"), now, "when somebody last did something is remembered");
  attention.acted("desk", "s");
  attention.acted("desk", "t");
  attention.gone("desk");
  assert.equal(attention.lookingUntil("desk", "s") ?? attention.lookingUntil("desk", "t"), undefined);
  assert.deepEqual(heard, ["phone s", "phone s", "phone s", "desk s", "desk t", "desk s", "desk t"]);
  stop();
  attention.acted("desk", "s");
  assert.equal(heard.length, 7);
});
