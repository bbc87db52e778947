/** What is sent about signing in at the services of destinations. */
import { z } from 'zod';

const SEARCH_CHARS_MAX = 10_000;

/** `origin`: where this person has the dashboard. */
export const authorizationSchema = z.strictObject({
  origin: z.url({ protocol: /^https?$/ }),
});

/** `search`: what the service added to the address at which the person came back. */
export const authorizedSchema = z.strictObject({
  search: z.string().startsWith('?').max(SEARCH_CHARS_MAX),
});
