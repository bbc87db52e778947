/** What the dashboard reads of /metrics. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bySource, parseMetrics, total } from '../../web/src/server-metrics.ts';

test("samples are numbers by name and label, without Millrace's own events", () => {
  const metrics = parseMetrics(
    [
      '# TYPE millrace_events_received_total counter',
      'millrace_events_received_total{source="web"} 4',
      'millrace_events_received_total{source="a \\"b\\""} 2',
      'millrace_events_received_total{source="millrace-canary"} 9',
      'millrace_resident_bytes 17',
    ].join('\n'),
  );
  assert.equal(total(metrics, 'millrace_events_received_total'), 6);
  assert.equal(total(metrics, 'millrace_resident_bytes'), 17);
  assert.equal(bySource(metrics, 'millrace_events_received_total').get('web'), 4);
  assert.equal(bySource(metrics, 'millrace_events_received_total').has('millrace-canary'), false);
});
