/** Runs a collector in a worker thread: messages in, messages out. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { toError } from '../base/errors.ts';
import { createLogger } from '../observe/logger.ts';
import { createMetricsRegistry } from '../observe/metrics.ts';
import { startCollector } from './collector.ts';
import type { CollectorMessage, CollectorOrder, CollectorSetup } from './collector-messages.ts';

const REPORT_MS = 500;

const port = parentPort;
assert(port, 'collector-thread.ts runs in a worker thread');
const setup = workerData as CollectorSetup;
const logger = createLogger(`collector-${setup.index}`, setup.logLevel);

function say(message: CollectorMessage): void {
  port?.postMessage(message);
}

try {
  const collector = await startCollector(setup, {
    disk: systemDisk,
    clock: systemClock,
    logger,
    metrics: createMetricsRegistry(),
  });
  const report = () => say({ kind: 'report', ...collector.report() });
  const timer = setInterval(report, REPORT_MS);
  port.on('message', (order: CollectorOrder) => {
    if (order.kind === 'snapshot') collector.setSnapshot(order.snapshot);
    else if (order.kind === 'tls') collector.setTls(order.tls);
    else {
      clearInterval(timer);
      collector.stop().then(
        () => {
          report();
          say({ kind: 'stopped' });
          port.close();
        },
        (error: unknown) => say({ kind: 'failed', message: toError(error).message }),
      );
    }
  });
  say({ kind: 'ready', port: collector.port });
} catch (error) {
  logger.error({ reason: toError(error).message }, 'collector could not start');
  say({ kind: 'failed', message: toError(error).message });
  port.close();
}
