/** The SDKs for Node, as installed from npm. */
import { SDKS } from '../support/compat/sdk-matrix.ts';
import { sdkSuite } from '../support/sdk-suite.ts';

await sdkSuite(SDKS['analytics-node']);
await sdkSuite(SDKS['analytics-node-2']);
await sdkSuite(SDKS['analytics-node-classic']);
await sdkSuite(SDKS['rudder-node']);
