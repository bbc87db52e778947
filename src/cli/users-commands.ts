/** `millrace users …`: who may sign in. Works beside a running server. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { systemDisk } from '../base/disk.ts';
import { MillraceError } from '../base/errors.ts';
import { readServerFile } from '../serve/server-file.ts';
import { recordAudit } from '../store/people/audit.ts';
import type { Role, User } from '../store/people/people-shapes.ts';
import { createInvitation } from '../store/people/invitations.ts';
import { changeUser, deleteUser, findUserByEmail, listUsers } from '../store/people/users.ts';
import { CLI_ACTOR } from './cli-audit.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, tableText } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';
import type { Store } from '../store/store.ts';

const ROLES = ['owner', 'admin', 'member', 'viewer'] as const;
interface InviteOptions extends DataOptions {
  role: Role;
}

export function addUsersCommands(program: Command): void {
  const group = program.command('users').description('people who may sign in');
  const sub = (name: string) => withJsonOption(withDataOptions(group.command(name)));
  const role = () => new Option('--role <role>', 'what they may').choices(ROLES);
  sub('list').description('people and their roles').action(list);
  sub('invite')
    .description('make a link that works once; for a known email it sets a new password')
    .argument('<email>')
    .addOption(role().default('member'))
    .action(invite);
  sub('set-role')
    .description('change a role')
    .argument('<email>')
    .addOption(role())
    .action(setRole);
  sub('disable').description('end sessions, refuse new ones').argument('<email>').action(disable);
  sub('delete').description('forget somebody').argument('<email>').action(remove);
}

async function list(options: DataOptions): Promise<void> {
  const users = await withStore(await configOf(options), listUsers);
  if (options.json) return printJson(users);
  const rows = users.map(({ email, name, role, isEnabled }) => {
    return [email, name, role, isEnabled ? 'yes' : 'no'];
  });
  printLine(tableText(['email', 'name', 'role', 'enabled'], rows));
}

async function invite(email: string, options: InviteOptions): Promise<void> {
  const config = await configOf(options);
  const invitation = await withStore(config, (store) => {
    const known = findUserByEmail(store, email)?.user;
    const resource = { type: 'invitation', id: email, name: email };
    recordAudit(store, CLI_ACTOR, { action: 'User Invited', resource, after: { email } });
    return createInvitation(store, {
      email,
      role: known?.role ?? options.role,
      sources: known?.sources ?? null,
      userId: known?.id ?? null,
    });
  });
  const server = await readServerFile(systemDisk, dataFolderOf(config));
  const url = `${server?.adminUrl ?? 'http://127.0.0.1:8081'}/app/#invitation=${invitation}`;
  if (options.json) return printJson({ email, invitation, url });
  printLine(`Give this link to ${email}; it works once, for seven days:`);
  printLine(url);
}

async function setRole(email: string, options: InviteOptions): Promise<void> {
  await change(email, options, 'User Modified', (store, { id }) =>
    changeUser(store, id, { role: options.role }),
  );
}

async function disable(email: string, options: DataOptions): Promise<void> {
  await change(email, options, 'User Modified', (store, { id }) =>
    changeUser(store, id, { isEnabled: false }),
  );
}

async function remove(email: string, options: DataOptions): Promise<void> {
  await change(email, options, 'User Deleted', (store, { id }) => {
    deleteUser(store, id);
    return null;
  });
}

async function change(
  email: string,
  options: DataOptions,
  action: string,
  act: (store: Store, user: User) => User | null,
): Promise<void> {
  const after = await withStore(await configOf(options), (store) => {
    const before = findUserByEmail(store, email)?.user;
    if (!before) throw new MillraceError('NOT_FOUND', `There is no user ${email}`);
    const changed = act(store, before);
    const resource = { type: 'user', id: before.id, name: before.email };
    recordAudit(store, CLI_ACTOR, { action, resource, before, after: changed });
    return changed;
  });
  if (options.json) return printJson(after ?? { deleted: email });
  printLine(
    after ? `${email} is ${after.isEnabled ? after.role : 'disabled'}.` : `${email} is gone.`,
  );
}
