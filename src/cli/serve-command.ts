/** `millrace serve`: the whole system, until it is told to stop. */
import type { Command } from 'commander';
import type { Server } from '../serve/server.ts';
import { reportFailure } from './command-failures.ts';
import { printLine } from './output.ts';
import { serverConfigOf, withDataOptions } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

interface ServeOptions extends DataOptions {
  port?: string;
  adminPort?: string;
}

export function addServeCommand(program: Command): void {
  withDataOptions(program.command('serve'))
    .description('run collector, log, lake and admin listener')
    .option('--port <number>', 'port of the collector (default: 8080)')
    .option('--admin-port <number>', 'port of the admin listener (default: 8081)')
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const config = await serverConfigOf(options, {
    'collector.port': options.port,
    'admin.port': options.adminPort,
  });
  const stopping = nextSignal();
  // Loaded here, because no other command needs all of it.
  const { startServer } = await import('../serve/server.ts');
  const server = await startServer(config);
  printWelcome(server, options);
  await stopping;
  const deadline = setTimeout(() => {
    process.stderr.write('millrace: did not come to rest in time; what was answered is durable\n');
    process.exit(1);
  }, config.collector.shutdownMs + LAKE_MS);
  try {
    await server.stop();
    clearTimeout(deadline);
  } catch (error) {
    reportFailure(error, false);
    process.exit(1);
  }
}

/** After the collectors, the lake may take this long to write what it holds. */
const LAKE_MS = 20_000;

/** Resolves at the first SIGTERM or SIGINT; the second one ends the process at once. */
function nextSignal(): Promise<void> {
  return new Promise((resolve) => {
    let count = 0;
    const onSignal = (): void => {
      count++;
      if (count > 1) process.exit(130);
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function printWelcome(server: Server, options: ServeOptions): void {
  const { collectorUrl, adminUrl, firstStart, ownerInvitation } = server;
  const folder = options.dataDir === undefined ? '' : ` --data-dir ${options.dataDir}`;
  printLine(`Millrace is ready: ${collectorUrl}`);
  if (firstStart) {
    const { source, writeKey } = firstStart;
    printLine(`Write key of "${source.name}" (shown once): ${writeKey}`);
    printLine(
      `Send:      curl ${collectorUrl}/v1/track -u ${writeKey}: ` +
        `-H 'Content-Type: application/json' -d '{"userId":"u1","event":"Hello"}'`,
    );
  } else {
    printLine(
      `Write keys: npx millrace keys list${folder}  (new one: keys create --source <slug>)`,
    );
  }
  printLine(
    `Query:     npx millrace sql "select received_at, type, event, user_id from events"${folder}`,
  );
  const link = ownerInvitation === null ? '' : `#invitation=${ownerInvitation}`;
  const note = ownerInvitation === null ? '' : '  (makes the first account; works once)';
  printLine(`Dashboard: ${adminUrl}/app/${link}${note}`);
}
