/** What the server answers about people, tokens, changes and regions. */
import type { Me } from '../../admin-api.ts';

export type Role = Me['role'];
export const ROLES: readonly Role[] = ['viewer', 'member', 'admin', 'owner'];

/** What each role may, in a few words. */
export const ROLE_TEXTS: Readonly<Record<Role, string>> = {
  viewer: 'reads',
  member: 'changes sources and destinations',
  admin: 'people and tokens too',
  owner: 'everything',
};

export interface SourceRights {
  read: string[];
  write: string[];
}

export interface Member {
  id: string;
  email: string;
  name: string;
  role: Role;
  sources: SourceRights | null;
  isEnabled: boolean;
  createdAt: string;
}

/** Somebody who was invited and has no account yet. */
export interface Invitation {
  email: string;
  role: Role;
  sources: SourceRights | null;
  expiresAt: string;
}

export interface Token {
  id: string;
  name: string;
  hint: string;
  role: Role;
  scopes: string[];
  createdBy: string;
  createdAt: string;
  expiresAt: string | null;
  lastUsedAt: string | null;
  isRevoked: boolean;
}

export interface AuditEvent {
  id: number;
  atMs: number;
  actor: { type: string; id: string; name: string };
  action: string;
  resource: { type: string; id: string; name: string };
  before: unknown;
  after: unknown;
}

export interface Region {
  name: string;
  isConfigured: boolean;
  hosts: string[];
  sources: number;
  logBytes: number;
  lakeBytes: number;
}

/** One value that is not what it was. `undefined`: it was not there, or is no more. */
export interface Change {
  path: string;
  before: unknown;
  after: unknown;
}

/** The values that differ, by their paths. Lists are one value each. */
export function changesOf(before: unknown, after: unknown, path = ''): Change[] {
  if (isObject(before) || isObject(after)) {
    const [old, fresh] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
    const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])];
    return names.flatMap((name) =>
      changesOf(old[name], fresh[name], path === '' ? name : `${path}.${name}`),
    );
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
