/** segment-analytics-python, from PyPI. */
import { SDKS } from '../support/compat/sdk-matrix.ts';
import { sdkSuite } from '../support/sdk-suite.ts';

await sdkSuite(SDKS.python);
