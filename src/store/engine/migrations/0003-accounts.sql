-- Who may do what, and who did it.
create table users (
  id text primary key,
  email text not null unique collate nocase,
  name text not null,
  -- scrypt parameters, salt and hash; null for one who signs in elsewhere (OIDC).
  password text,
  oidc_subject text unique,
  is_enabled integer not null default 1 check (is_enabled in (0, 1)),
  created_at_ms integer not null
) strict, without rowid;

create table memberships (
  workspace_id text not null references workspaces (id),
  user_id text not null references users (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  -- JSON: of a member, {"read": [slug], "write": [slug]}; null: all sources.
  sources text check (sources is null or json_valid(sources)),
  primary key (workspace_id, user_id)
) strict, without rowid;

create table sessions (
  -- SHA-256 of the cookie, hexadecimal.
  digest text primary key check (length(digest) = 64),
  user_id text not null references users (id) on delete cascade,
  created_at_ms integer not null,
  last_used_at_ms integer not null,
  expires_at_ms integer not null,
  user_agent text not null
) strict, without rowid;

create table api_tokens (
  id text primary key,
  workspace_id text not null references workspaces (id),
  name text not null,
  digest text not null unique check (length(digest) = 64),
  hint text not null,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  -- JSON list; empty: everything the role may.
  scopes text not null default '[]' check (json_valid(scopes)),
  created_by text not null,
  created_at_ms integer not null,
  expires_at_ms integer,
  last_used_at_ms integer,
  is_revoked integer not null default 0 check (is_revoked in (0, 1))
) strict, without rowid;

-- Links that work once: the first owner, invitations, new passwords.
create table invitations (
  digest text primary key check (length(digest) = 64),
  workspace_id text not null references workspaces (id),
  email text,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  user_id text references users (id) on delete cascade,
  created_at_ms integer not null,
  expires_at_ms integer not null
) strict, without rowid;

create table audit_events (
  id integer primary key,
  workspace_id text not null references workspaces (id),
  at_ms integer not null,
  -- Who: a user, a token, the configuration, the command line.
  actor_type text not null,
  actor_id text not null,
  actor_name text not null,
  -- What: such as `Source Created`.
  action text not null,
  resource_type text not null,
  resource_id text not null,
  resource_name text not null,
  -- JSON; secrets masked.
  before text check (before is null or json_valid(before)),
  after text check (after is null or json_valid(after))
) strict;
create index audit_events_by_time on audit_events (workspace_id, at_ms);
