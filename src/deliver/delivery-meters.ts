/** What a destination counts. Names of metrics are in one place only: `observe/metrics.ts`. */
import type { Histogram, MetricsRegistry } from '../observe/metrics.ts';

export interface DeliveryMeters {
  delivered(events: number): void;
  filtered(reason: string): void;
  dead(reason: string): void;
  retried(reason: string): void;
  attempt(outcome: 'delivered' | 'failed' | 'mixed', elapsedMs: number): void;
  state(state: {
    lagBytes: number;
    lagSeconds: number;
    inFlight: number;
    waiting: number;
    deadLetters: number;
    isBreakerOpen: boolean;
  }): void;
}

export function createDeliveryMeters(registry: MetricsRegistry, slug: string): DeliveryMeters {
  const own = { destination: slug };
  const seconds: Histogram = registry.histogram('millrace_delivery_attempt_seconds');
  const delivered = registry.cell('millrace_delivery_delivered_total', own);
  const gauge = (
    name:
      | 'millrace_delivery_lag_bytes'
      | 'millrace_delivery_lag_seconds'
      | 'millrace_delivery_in_flight'
      | 'millrace_delivery_waiting'
      | 'millrace_delivery_dead_letters'
      | 'millrace_delivery_breaker_open',
    value: number,
  ): void => {
    registry.cell(name, own).value = value;
  };
  return {
    delivered(events) {
      delivered.value += events;
    },
    filtered(reason) {
      registry.cell('millrace_delivery_filtered_total', { ...own, reason }).value++;
    },
    dead(reason) {
      registry.cell('millrace_delivery_dead_total', { ...own, reason }).value++;
    },
    retried(reason) {
      registry.cell('millrace_delivery_retries_total', { ...own, reason }).value++;
    },
    attempt(outcome, elapsedMs) {
      registry.cell('millrace_delivery_attempts_total', { ...own, outcome }).value++;
      seconds.observe(elapsedMs / 1000);
    },
    state({ lagBytes, lagSeconds, inFlight, waiting, deadLetters, isBreakerOpen }) {
      gauge('millrace_delivery_lag_bytes', lagBytes);
      gauge('millrace_delivery_lag_seconds', lagSeconds);
      gauge('millrace_delivery_in_flight', inFlight);
      gauge('millrace_delivery_waiting', waiting);
      gauge('millrace_delivery_dead_letters', deadLetters);
      gauge('millrace_delivery_breaker_open', isBreakerOpen ? 1 : 0);
    },
  };
}
