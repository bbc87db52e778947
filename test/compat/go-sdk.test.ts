/** analytics-go 3, from its Go module. */
import { SDKS } from '../support/compat/sdk-matrix.ts';
import { sdkSuite } from '../support/sdk-suite.ts';

await sdkSuite(SDKS.go);
