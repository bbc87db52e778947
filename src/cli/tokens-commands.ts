/** `millrace tokens …`: API tokens for scripts and the Public API. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { createApiToken, listApiTokens, revokeApiToken } from '../store/people/api-tokens.ts';
import { recordAudit } from '../store/people/audit.ts';
import type { Role } from '../store/people/people-shapes.ts';
import { durationMs } from './duration.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, tableText } from './output.ts';
import { configOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';
import { CLI_ACTOR } from './cli-audit.ts';

interface CreateOptions extends DataOptions {
  role: Role;
  expires?: string;
}

export function addTokensCommands(program: Command): void {
  const group = program.command('tokens').description('API tokens');
  const sub = (name: string) => withJsonOption(withDataOptions(group.command(name)));
  sub('list').description('tokens, without their secrets').action(list);
  sub('create')
    .description('make a token, which is printed once')
    .argument('<name>')
    .addOption(
      new Option('--role <role>', 'what it may')
        .choices(['owner', 'admin', 'member', 'viewer'])
        .default('member'),
    )
    .option('--expires <duration>', 'how long it is good, such as 90d (default: for ever)')
    .action(create);
  sub('revoke').description('refuse it from now on').argument('<id>').action(revoke);
}

async function list(options: DataOptions): Promise<void> {
  const tokens = await withStore(await configOf(options), listApiTokens);
  if (options.json) return printJson(tokens);
  const isoOf = (ms: number | null) => (ms === null ? '' : new Date(ms).toISOString());
  const rows = tokens.map(({ id, name, hint, role, lastUsedAtMs, expiresAtMs, isRevoked }) => {
    return [
      id,
      name,
      `${hint}…`,
      role,
      isoOf(lastUsedAtMs),
      isRevoked ? 'revoked' : isoOf(expiresAtMs),
    ];
  });
  printLine(tableText(['id', 'name', 'token', 'role', 'last used', 'until'], rows));
}

async function create(name: string, options: CreateOptions): Promise<void> {
  const expiresAtMs = options.expires
    ? systemClock.wallMs() + durationMs(options.expires, '--expires')
    : null;
  const { token, about } = await withStore(await configOf(options), (store) => {
    const given = { name, role: options.role, scopes: [], createdBy: CLI_ACTOR.name, expiresAtMs };
    const made = createApiToken(store, given);
    const resource = { type: 'token', id: made.about.id, name };
    recordAudit(store, CLI_ACTOR, { action: 'Token Created', resource, after: made.about });
    return made;
  });
  if (options.json) return printJson({ ...about, token });
  printLine(`Token ${about.name} (${about.role}), shown once:`);
  printLine(token);
}

async function revoke(id: string, options: DataOptions): Promise<void> {
  const about = await withStore(await configOf(options), (store) => {
    const revoked = revokeApiToken(store, id);
    const resource = { type: 'token', id, name: revoked.name };
    recordAudit(store, CLI_ACTOR, { action: 'Token Revoked', resource, before: revoked });
    return revoked;
  });
  if (options.json) return printJson(about);
  printLine(`Token ${about.name} is revoked.`);
}
