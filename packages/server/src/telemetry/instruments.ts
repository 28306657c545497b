import type { Meter } from "@opentelemetry/api";

/** Seconds, from a tenth of a millisecond to ten seconds: what people wait for. */
const fast = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds, from one to a day: what agents and people take. */
const slow = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400];

/**
 * The one set of instruments: named as OpenTelemetry names things (semantic conventions where there are any), from which
 * Prometheus, OTLP, `/api/telemetry` and its history all read. Labels have few values each; ids are never among them.
 */
export function createInstruments(meter: Meter) {
  const counter = (name: string, unit: string, description: string) => meter.createCounter(name, { unit, description });
  const histogram = (name: string, description: string, bounds: number[]) =>
    meter.createHistogram(name, { unit: "s", description, advice: { explicitBucketBoundaries: bounds } });
  return {
    httpDuration: histogram("http.server.request.duration", "Requests over REST, by route and status.", fast),
    commandDuration: histogram("companion.command.duration", "Commands over WebSocket, by type and outcome.", fast),
    outsideDuration: histogram("companion.outside.duration", "Calls to others: push providers, agents being started.", slow.toSpliced(0, 0, 0.01, 0.05, 0.1, 0.25)),
    commitDuration: histogram("companion.storage.commit.duration", "From an append to its being stored durably.", fast),
    deliveryDuration: histogram("companion.delivery.duration", "From an event to its frame being handed to a device's socket; sampled.", fast),
    turnDuration: histogram("companion.turn.duration", "Turns of agents.", slow),
    permissionWait: histogram("companion.permission.wait", "From a permission request to its answer.", slow),
    notificationDuration: histogram("companion.notification.duration", "From an event to the provider's having its notification.", slow),

    connectionsOpened: counter("companion.connections.opened", "{connection}", "WebSocket connections."),
    connectionsClosed: counter("companion.connections.closed", "{connection}", "WebSocket connections, by close code."),
    connectionsRefused: counter("companion.connections.refused", "{connection}", "Upgrades that were refused, by status."),
    reconnections: counter("companion.reconnections", "{connection}", "Connections of devices that had followed something before."),
    errors: counter("companion.errors", "{error}", "Errors that were answered, by code."),
    storageFailures: counter("companion.storage.failures", "{failure}", "What could not be stored or read."),
    expiredEvents: counter("companion.messages.expired", "{event}", "Events that left the log by age or size."),
    filtered: counter("companion.messages.filtered", "{chunk}", "Empty pieces of text that were not sent."),
    sessionsCreated: counter("companion.sessions.created", "{session}", "Sessions, by agent."),
    sessionsResumed: counter("companion.sessions.resumed", "{session}", "Sessions that slept and went on with their conversation."),
    sessionsExpired: counter("companion.sessions.expired", "{session}", "Sessions that nobody used for long."),
    duplicatesPrevented: counter("companion.duplicates.prevented", "{request}", "Sessions and messages that were asked for twice and made once."),
    agentsDied: counter("companion.agents.died", "{agent}", "Agents that ended by themselves."),
    agentsSilent: counter("companion.agents.silent", "{agent}", "Agents that were told as silent."),
    turns: counter("companion.turns", "{turn}", "Turns, by result."),
    tokens: counter("companion.tokens", "{token}", "Tokens, by type and model."),
    cost: counter("companion.cost", "USD", "What agents say their turns cost, by model."),
    permissionsRequested: counter("companion.permissions.requested", "{request}", "Permission requests, by kind."),
    permissionsResolved: counter("companion.permissions.resolved", "{request}", "Permission requests, by decision."),
    schedulesDue: counter("companion.schedules.due", "{message}", "Scheduled messages, by outcome."),
    notifications: counter("companion.notifications", "{notification}", "Notifications, by platform, reason and outcome."),
    clockJumps: counter("companion.clock.jumps", "{jump}", "Jumps of the wall clock."),
  }; // biome-ignore format: a table
}

export type Instruments = ReturnType<typeof createInstruments>;
