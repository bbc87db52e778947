/** The table of routes of the admin listener, from a server that is started to be asked for it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load-config.ts';
import { startServer } from '../../src/serve/server.ts';

/** As `GET /admin/users/:id`. */
export async function readAdminRoutes(): Promise<readonly string[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-routes-'));
  const config = {
    dataDir,
    collector: { port: 0, host: '127.0.0.1', threads: 1 },
    admin: { port: 0 },
    logging: { level: 'error' },
  };
  const server = await startServer(parseConfig({ written: stringify(config) }));
  await server.stop();
  rmSync(dataDir, { recursive: true });
  return server.adminRoutes;
}
