/** `millrace suppressions …`: users whose events go to no destination. */
import type { Command } from 'commander';
import { recordAudit } from '../store/people/audit.ts';
import { inStoreTransaction } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import {
  listSuppressedUsers,
  suppressUsers,
  unsuppressUsers,
} from '../store/sources/suppressed-users.ts';
import { CLI_ACTOR } from './cli-audit.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, tableText } from './output.ts';
import { configOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

/** Adds the commands; a running server obeys within a second. */
export function addSuppressionsCommands(program: Command): void {
  const group = program.command('suppressions').description('users whose events go nowhere');
  const sub = (name: string) => withJsonOption(withDataOptions(group.command(name)));
  sub('list').description('suppressed users').action(list);
  sub('add').description('suppress users').argument('<userId...>').action(add);
  sub('remove').description('let their events go again').argument('<userId...>').action(remove);
}

async function list(options: DataOptions): Promise<void> {
  const users = await withStore(await configOf(options), listSuppressedUsers);
  if (options.json) return printJson(users);
  const rows = users.map(({ userId, createdAtMs }) => [
    userId,
    new Date(createdAtMs).toISOString(),
  ]);
  printLine(tableText(['userId', 'since'], rows));
}

async function add(userIds: string[], options: DataOptions): Promise<void> {
  const count = await withStore(await configOf(options), (store) =>
    inStoreTransaction(store, () => {
      audit(store, 'Users Suppressed', userIds);
      return suppressUsers(store, userIds);
    }),
  );
  if (options.json) return printJson({ count });
  printLine(`${count} users are newly suppressed.`);
}

async function remove(userIds: string[], options: DataOptions): Promise<void> {
  const count = await withStore(await configOf(options), (store) =>
    inStoreTransaction(store, () => {
      audit(store, 'Users Unsuppressed', userIds);
      return unsuppressUsers(store, userIds);
    }),
  );
  if (options.json) return printJson({ count });
  printLine(`${count} users are no longer suppressed.`);
}

function audit(store: Store, action: string, userIds: readonly string[]): void {
  const resource = { type: 'suppression', id: 'users', name: `${userIds.length} users` };
  recordAudit(store, CLI_ACTOR, { action, resource, after: { userIds } });
}
