/** Destination filters as people write them, and as they are kept. */
import type { z } from 'zod';
import type { filterActionSchema, filterSchema } from './filter-schema.ts';

export type WrittenFilter = z.input<typeof filterSchema>;
export type WrittenFilterAction = z.input<typeof filterActionSchema>;
