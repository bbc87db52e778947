/** com.segment.analytics.java, from Maven Central. */
import { SDKS } from '../support/compat/sdk-matrix.ts';
import { sdkSuite } from '../support/sdk-suite.ts';

await sdkSuite(SDKS.java);
