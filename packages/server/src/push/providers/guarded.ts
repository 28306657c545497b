import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhenResult,
} from "cockatiel";
import type { Clock } from "../../clock.ts";
import type { PushAddress } from "../../records/index.ts";
import type { Notifier, PushMessage, SendResult } from "./notifier.ts";

const sendMs = 10_000;
const failuresMax = 5;

/** A provider that does not answer, and is left alone for a while. */
export interface ProviderTrouble {
  platform: Notifier["platform"];
  provider: string;
  /** Milliseconds since 1970. */
  since: number;
  reason: string;
}

/** Sends under a deadline and behind a circuit breaker for each provider. */
export interface GuardedSender {
  /** `held`: the provider is being left alone; nothing was sent. */
  send(address: PushAddress, message: PushMessage): Promise<SendResult | { outcome: "held"; reason: string }>;
  readonly troubles: readonly ProviderTrouble[];
}

/** @param options.openMs how long a provider is left alone before one message tries it again */
export function createGuardedSender(options: {
  notifierOf: (platform: PushAddress["platform"]) => Notifier;
  clock: Pick<Clock, "now" | "monotonicMs">;
  openMs: number;
  onCalled: (call: {
    platform: Notifier["platform"];
    outcome: string;
    durationMs: number;
    correlationId: string | undefined;
  }) => void;
  onTrouble: (trouble: ProviderTrouble, isOver: boolean) => void;
}): GuardedSender {
  const { notifierOf, clock } = options;
  const breakers = new Map<string, CircuitBreakerPolicy>();
  const troubles = new Map<string, ProviderTrouble>();

  function breakerOf(platform: Notifier["platform"], provider: string): CircuitBreakerPolicy {
    const key = `${platform} ${provider}`;
    const known = breakers.get(key);
    if (known) return known;
    const isTrouble = (result: unknown) => {
      const { outcome, isProviders } = result as SendResult & { isProviders?: boolean };
      return outcome === "retry" && isProviders === true;
    };
    const breaker = circuitBreaker(handleWhenResult(isTrouble), {
      halfOpenAfter: options.openMs,
      breaker: new ConsecutiveBreaker(failuresMax),
    });
    breaker.onBreak((reason) => {
      const said = "value" in reason ? (reason.value as { reason?: string }).reason : undefined;
      const trouble = { platform, provider, since: troubles.get(key)?.since ?? clock.now(), reason: said ?? "" };
      const isNew = !troubles.has(key);
      troubles.set(key, trouble);
      if (isNew) options.onTrouble(trouble, false);
    });
    breaker.onReset(() => {
      const trouble = troubles.get(key);
      troubles.delete(key);
      if (trouble) options.onTrouble(trouble, true);
    });
    breakers.set(key, breaker);
    return breaker;
  }

  return {
    get troubles() {
      return [...troubles.values()];
    },
    async send(address, message) {
      const notifier = notifierOf(address.platform);
      const breaker = breakerOf(address.platform, notifier.providerOf(address));
      const held = { outcome: "held", reason: "The provider is in trouble and left alone for a while." } as const;
      try {
        return await breaker.execute(async () => {
          const startedAt = clock.monotonicMs();
          const result = await notifier.send(address, message, AbortSignal.timeout(sendMs));
          const { correlationId } = message;
          const durationMs = clock.monotonicMs() - startedAt;
          options.onCalled({ platform: address.platform, outcome: result.outcome, durationMs, correlationId });
          return result;
        });
      } catch (error) {
        if (error instanceof BrokenCircuitError) return held;
        throw error;
      }
    },
  };
}
