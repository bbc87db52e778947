/**
 * People, invitations and permissions. Segment gives a role on resources; here a person has one
 * role in the workspace, or is kept to some sources, which he may change or only see.
 */
import { isDeepStrictEqual } from 'node:util';
import type { RunningServer } from '../../operate/running-server.ts';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { Role, SourceRights, User } from '../../store/people/people-shapes.ts';
import { listInvitations } from '../../store/people/invitations.ts';
import { findSource, listSources } from '../../store/sources/sources.ts';
import { findUser, listUsers, mustFindUser } from '../../store/people/users.ts';
import { ensureWorkspace } from '../../store/workspace/workspaces.ts';
import { requireRole } from '../actor.ts';
import {
  changePerson,
  deletePerson,
  invite,
  withdrawInvitation,
} from '../../operate/accounts/people-changes.ts';
import { body, listParam, pageOf, param } from './ask.ts';
import type { Ask, Handler } from './ask.ts';
import { askedPerson, emailFor, keepAskedPerson, roleIdFor } from './asked-ids.ts';
import type { AskedPermission } from './asked-ids.ts';
import { roleIdOf, roleOf } from './segment-ids.ts';

const ROLES = [
  ['owner', 'Workspace Owner', 'Everything.'],
  ['admin', 'Workspace Admin', 'People, tokens, and all sources and destinations.'],
  ['member', 'Source Admin', 'Sources and destinations, all or some.'],
  ['viewer', 'Workspace Read-only', 'Sees everything, or some sources.'],
] as const satisfies readonly (readonly [Role, string, string])[];
const PERMISSIONS_MAX = 200;

const resource = z.object({
  id: z.string(),
  type: z.enum(['FUNCTION', 'SOURCE', 'SPACE', 'WAREHOUSE', 'WORKSPACE']),
  labels: z.array(z.unknown()).max(0, 'permissions by label are not there').optional(),
});
const permission = z.object({
  roleId: z.string(),
  resources: z.array(resource).max(PERMISSIONS_MAX).optional(),
  labels: z.array(z.unknown()).max(0, 'permissions by label are not there').optional(),
});
const permissions = z.array(permission).max(PERMISSIONS_MAX);
const permissionsSchema = z.object({ permissions: permissions.min(1) });
const invitesSchema = z.object({
  invites: z
    .array(
      z.object({
        email: z.string().trim().min(3).max(400),
        permissions: permissions.default([]),
      }),
    )
    .min(1)
    .max(PERMISSIONS_MAX),
});

interface Access {
  role: Role;
  sources: SourceRights | null;
}

export const PEOPLE_BODIES = {
  createInvites: invitesSchema,
  addPermissionsToUser: permissionsSchema,
  replacePermissionsForUser: permissionsSchema,
};

export const PEOPLE_HANDLERS: Record<string, Handler> = {
  listRoles(ask) {
    const { page, pagination } = pageOf(ask, ROLES, ([id]) => id);
    return {
      roles: page.map(([role, name, description]) => ({
        id: roleIdOf(role),
        name,
        description,
      })),
      pagination,
    };
  },
  listUsers(ask) {
    requireRole(ask.c, 'admin');
    const { page, pagination } = pageOf(ask, listUsers(ask.server.store), ({ id }) => id);
    return { users: page.map((user) => userView(ask, user)), pagination };
  },
  getUser(ask) {
    requireRole(ask.c, 'admin');
    return { user: userView(ask, userOf(ask)) };
  },
  deleteUsers(ask) {
    requireRole(ask.c, 'admin');
    // A script that takes an invitation back may ask for a user without an id, too.
    const ids = listParam(ask, 'userIds').filter((id) => id !== '');
    for (const id of ids) mustFindUser(ask.server.store, id);
    for (const id of ids) deletePerson(ask.server.store, ask.actor, id);
    return { status: 'SUCCESS' };
  },
  listUserGroupsFromUser(ask) {
    requireRole(ask.c, 'admin');
    userOf(ask);
    return { groups: [], pagination: pageOf(ask, [], String).pagination };
  },
  listUserGroups(ask) {
    requireRole(ask.c, 'admin');
    return { userGroups: [], pagination: pageOf(ask, [], String).pagination };
  },
  async replacePermissionsForUser(ask) {
    requireRole(ask.c, 'admin');
    const { permissions: given } = await body(ask, permissionsSchema);
    const { id, email } = userOf(ask);
    const changed = changePerson(ask.server.store, ask.actor, id, accessOf(ask.server, given));
    keepAskedPerson(ask, email, { permissions: askedPermissions(given) });
    return { permissions: permissionsOf(ask, changed) };
  },
  async addPermissionsToUser(ask) {
    requireRole(ask.c, 'admin');
    const { permissions: given } = await body(ask, permissionsSchema);
    const user = userOf(ask);
    const all = [...permissionsOf(ask, user), ...given];
    const changed = changePerson(ask.server.store, ask.actor, user.id, accessOf(ask.server, all));
    keepAskedPerson(ask, user.email, { permissions: askedPermissions(all) });
    return { permissions: permissionsOf(ask, changed) };
  },
  listInvites(ask) {
    requireRole(ask.c, 'admin');
    const invited = listInvitations(ask.server.store).map(({ email }) => emailFor(ask, email));
    const emails = [...new Set(invited)];
    const { page, pagination } = pageOf(ask, emails, String);
    return { invites: page, pagination };
  },
  /** The links are given by people: in Settings of the dashboard, or on the command line. */
  async createInvites(ask) {
    requireRole(ask.c, 'admin');
    const { invites } = await body(ask, invitesSchema);
    const wanted = invites.map(({ email, permissions: given }) => ({
      email,
      ...accessOf(ask.server, given),
    }));
    for (const one of wanted) invite(ask.server.store, ask.actor, one);
    for (const { email, permissions: given } of invites) {
      keepAskedPerson(ask, email, { email, permissions: askedPermissions(given) });
    }
    return { emails: wanted.map(({ email }) => email) };
  },
  /** One that is over by itself is no more to take back. */
  deleteInvites(ask) {
    requireRole(ask.c, 'admin');
    const { store } = ask.server;
    const invited = new Set(listInvitations(store).map(({ email }) => email.toLowerCase()));
    for (const email of listParam(ask, 'emails')) {
      if (invited.delete(email.toLowerCase())) withdrawInvitation(store, ask.actor, email);
    }
    return { status: 'SUCCESS' };
  },
};

function userOf(ask: Ask): User {
  const user = findUser(ask.server.store, param(ask, 'userId'));
  if (user) return user;
  throw new MillraceError('NOT_FOUND', 'There is no such user', { field: 'userId' });
}

function userView(ask: Ask, user: User) {
  const { id, name, email } = user;
  return { id, name, email: emailFor(ask, email), permissions: permissionsOf(ask, user) };
}

/** What is answered again; nobody has labels. */
function askedPermissions(given: readonly AskedPermission[]): AskedPermission[] {
  return given.map(({ roleId, resources = [] }) => ({
    roleId,
    resources: resources.map(({ id, type }) => ({ id, type })),
  }));
}

/** As they were asked for, for as long as they come to what the person has. */
function permissionsOf(ask: Ask, user: Pick<User, 'email'> & Access) {
  const { email, role, sources } = user;
  const { server } = ask;
  const workspace = { id: ensureWorkspace(server.store).id, type: 'WORKSPACE' };
  const view = ({ roleId, resources = [] }: AskedPermission) => ({
    roleId,
    roleName: ROLES.find(([id]) => id === roleOf(roleId))?.[1] ?? roleId,
    resources: resources.length > 0 ? resources : [workspace],
  });
  const asked = askedPerson(ask, email).permissions ?? [];
  if (asked.length > 0 && isAccess(server, asked, user)) return asked.map(view);
  const own = (named: Role, resources: AskedPermission['resources']) =>
    view({ roleId: roleIdFor(ask, email, named), resources });
  if (sources === null || role === 'owner' || role === 'admin') return [own(role, [workspace])];
  const known = listSources(server.store);
  const resourcesOf = (slugs: readonly string[]) =>
    known.filter(({ slug }) => slugs.includes(slug)).map(({ id }) => ({ id, type: 'SOURCE' }));
  const { read, write } = effective(sources);
  return [
    ...(write.length > 0 ? [own('member', resourcesOf(write))] : []),
    ...(read.length > 0 ? [own('viewer', resourcesOf(read))] : []),
  ];
}

/** Whether permissions come to this; never of a source that is gone. */
function isAccess(
  server: RunningServer,
  asked: readonly AskedPermission[],
  { role, sources }: Access,
): boolean {
  try {
    const access = accessOf(server, asked);
    return isDeepStrictEqual(
      [access.role, access.sources && effective(access.sources)],
      [role, sources && effective(sources)],
    );
  } catch (error) {
    if (error instanceof MillraceError) return false;
    throw error;
  }
}

/** Who may change a source sees it. */
function effective({ read, write }: SourceRights): SourceRights {
  const seen = read.filter((slug) => !write.includes(slug));
  return { read: [...new Set(seen)].sort(), write: [...new Set(write)].sort() };
}

/**
 * The role and the sources that permissions come to. A role in the workspace is worth more than
 * one on sources; of several the highest counts.
 * @throws MillraceError INVALID_ARGUMENT naming the field.
 */
function accessOf(server: RunningServer, given: readonly AskedPermission[]): Access {
  let whole: Role | undefined;
  const sources = { read: [] as string[], write: [] as string[] };
  given.forEach(({ roleId, resources = [] }, at) => {
    const named = roleOf(roleId);
    const role = ROLES.find(([id]) => id === named)?.[0];
    if (role === undefined) {
      const known = ROLES.map(([id]) => id).join(', ');
      throw wrong(`permissions[${at}].roleId`, `${roleId} is not one of ${known}`);
    }
    if (resources.length === 0) whole = higherOf(whole, role);
    resources.forEach(({ id, type }, place) => {
      const field = `permissions[${at}].resources[${place}]`;
      if (type === 'WORKSPACE') {
        if (id !== ensureWorkspace(server.store).id) throw wrong(`${field}.id`, 'unknown');
        whole = higherOf(whole, role);
        return;
      }
      if (type !== 'SOURCE') throw wrong(`${field}.type`, 'only WORKSPACE and SOURCE are there');
      if (role === 'owner' || role === 'admin') {
        throw wrong(`${field}.type`, `${role} is a role in the whole workspace`);
      }
      const source = findSource(server.store, id);
      if (!source) throw wrong(`${field}.id`, `there is no source ${id}`);
      sources[role === 'member' ? 'write' : 'read'].push(source.slug);
    });
  });
  if (whole !== undefined) return { role: whole, sources: null };
  const { read, write } = sources;
  // Without any permission: somebody who sees nothing until he is given more.
  return { role: write.length > 0 ? 'member' : 'viewer', sources: { read, write } };
}

function higherOf(one: Role | undefined, other: Role): Role {
  const rank = (role: Role | undefined): number => ROLES.findIndex(([id]) => id === role);
  return one !== undefined && rank(one) < rank(other) ? one : other;
}

function wrong(field: string, why: string): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', `${field}: ${why}`, { field });
}
