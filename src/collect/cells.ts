/** The collector's counters, looked up once and kept, so that counting costs an increment. */
import type { Access } from '../auth/authenticator.ts';
import type { Rejection } from '../events/envelope.ts';
import { REPAIR_RULES } from '../events/repairs.ts';
import type { Cell, MetricsRegistry } from '../observe/metrics.ts';

export interface CollectCells {
  status(status: number): Cell;
  unauthorized(cause: string): Cell;
  unavailable(code: string): Cell;
  limited(access: Access): Cell;
  sdkMetrics: Cell;
  countDurable(
    access: Access,
    eventCount: number,
    rejections: readonly Rejection[],
    receivedAtMs: number,
  ): void;
  /** @param repaired durable events, by the rule in the order of REPAIR_RULES. */
  countRepaired(repaired: readonly number[]): void;
  /** Key numbers used since the last call, with the latest receipt time. */
  takeKeyUse(): [keyNumber: number, usedAtMs: number][];
}

interface KeyCells {
  requests: Cell;
  received: Cell;
  accepted: Cell;
  ofKey: Cell;
}

export function createCollectCells(registry: MetricsRegistry): CollectCells {
  const byKey = new Map<number, KeyCells>();
  const byStatus = new Map<number, Cell>();
  let keyUse = new Map<number, number>();
  const keyCells = ({ keyNumber, source: { slug } }: Access): KeyCells => {
    let cells = byKey.get(keyNumber);
    if (!cells) {
      cells = {
        requests: registry.cell('millrace_source_requests_total', { source: slug }),
        received: registry.cell('millrace_events_received_total', { source: slug }),
        accepted: registry.cell('millrace_events_accepted_total', { source: slug }),
        ofKey: registry.cell('millrace_key_events_total', {
          source: slug,
          key: String(keyNumber),
        }),
      };
      byKey.set(keyNumber, cells);
    }
    return cells;
  };
  return {
    status(status) {
      let cell = byStatus.get(status);
      if (!cell) {
        cell = registry.cell('millrace_requests_total', { status: String(status) });
        byStatus.set(status, cell);
      }
      return cell;
    },
    unauthorized: (cause) => registry.cell('millrace_unauthorized_total', { cause }),
    unavailable: (code) => registry.cell('millrace_unavailable_total', { code }),
    limited: ({ source }) => registry.cell('millrace_rate_limited_total', { source: source.slug }),
    sdkMetrics: registry.cell('millrace_sdk_metrics_total'),
    countDurable(access, eventCount, rejections, receivedAtMs) {
      const cells = keyCells(access);
      cells.requests.value++;
      cells.received.value += eventCount;
      cells.accepted.value += eventCount - rejections.length;
      cells.ofKey.value += eventCount;
      keyUse.set(access.keyNumber, receivedAtMs);
      for (const { code } of rejections) {
        const labels = { source: access.source.slug, code };
        registry.cell('millrace_events_rejected_total', labels).value++;
      }
    },
    countRepaired(repaired) {
      REPAIR_RULES.forEach((rule, at) => {
        const count = repaired[at] ?? 0;
        if (count > 0) registry.cell('millrace_events_repaired_total', { rule }).value += count;
      });
    },
    takeKeyUse() {
      const taken = [...keyUse];
      keyUse = new Map();
      return taken;
    },
  };
}
