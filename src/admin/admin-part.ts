/** One part of the admin listener. */
import type { Hono } from 'hono';

/** Routes of one part of the admin listener, and where they are. */
export interface AdminPart {
  path: string;
  routes: Hono;
}
