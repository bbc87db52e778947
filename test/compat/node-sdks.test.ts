/** The SDKs for Node, as installed from npm. */
import { join } from 'node:path';
import { sdkSuite } from '../support/sdk-suite.ts';
import { ROOT } from '../support/test-server.ts';

function driver(file: string, env: Record<string, string> = {}) {
  const path = join(ROOT, 'test/compat/drivers', file);
  return async () => ({ ok: true as const, command: process.execPath, args: [path], env });
}

await sdkSuite('@segment/analytics-node 3', { prepare: driver('node-segment.mjs') });
await sdkSuite('@segment/analytics-node 2', {
  prepare: driver('node-segment.mjs', { MILLRACE_SDK: '@segment/analytics-node-2' }),
});
await sdkSuite('analytics-node 6', { prepare: driver('node-classic.mjs') });
await sdkSuite('@rudderstack/rudder-sdk-node', { prepare: driver('node-rudder.mjs') });
