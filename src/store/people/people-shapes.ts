/** People and what they may, who did something, and the entries of the audit log. */

export type Role = 'owner' | 'admin' | 'member' | 'viewer';

/** Slugs of the sources that a member or viewer may see and change. */
export interface SourceRights {
  read: readonly string[];
  write: readonly string[];
}

/** Who asks: a person, an API token, the configuration file, or the command line. */
export interface Actor {
  type: 'user' | 'token' | 'config' | 'cli';
  id: string;
  name: string;
  role: Role;
  /** Null: all sources that the role may. */
  sources: SourceRights | null;
  /** Of a token: what it may, such as `public_api:read_write`; empty: all that its role may. */
  scopes: readonly string[];
}

export interface AuditEntry {
  /** In Segment's words: `Source Created`, `Destination Modified`. */
  action: string;
  resource: { type: string; id: string; name: string };
  /** What may be shown, secrets masked; null: it was not there, or is no more. */
  before?: unknown;
  after?: unknown;
}

export interface AuditEvent extends AuditEntry {
  id: number;
  atMs: number;
  actor: { type: Actor['type']; id: string; name: string };
}

export interface User {
  id: string;
  email: string;
  name: string;
  role: Role;
  sources: SourceRights | null;
  isEnabled: boolean;
  createdAtMs: number;
}

export interface ApiToken {
  id: string;
  name: string;
  /** The first characters, to tell tokens apart. */
  hint: string;
  role: Role;
  scopes: string[];
  createdBy: string;
  createdAtMs: number;
  expiresAtMs: number | null;
  lastUsedAtMs: number | null;
  isRevoked: boolean;
}

/** One that somebody new has not accepted yet. */
export interface PendingInvitation {
  email: string;
  role: Role;
  sources: SourceRights | null;
  expiresAtMs: number;
}
