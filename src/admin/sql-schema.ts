/** What is sent to run SQL, and to keep a query. */
import { z } from 'zod';

export const sqlSchema = z.strictObject({
  sql: z.string().min(1),
  format: z.enum(['json', 'csv', 'parquet']).default('json'),
  timeoutMs: z.int().positive().optional(),
  rowsMax: z.int().positive().optional(),
});

const name = z.string().trim().min(1).max(200);
const sql = z.string().trim().min(1).max(100_000);
export const newQuerySchema = z.strictObject({ name, sql });
export const queryChangeSchema = newQuerySchema.partial();
