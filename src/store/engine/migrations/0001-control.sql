-- Control state: who may send, and where it goes. Times are milliseconds since the Unix epoch.
create table workspaces (
  id text primary key,
  name text not null,
  created_at_ms integer not null
) strict, without rowid;

create table sources (
  -- Stands for the source in the log; never reused.
  number integer primary key autoincrement,
  id text not null unique,
  workspace_id text not null references workspaces (id),
  name text not null,
  slug text not null unique,
  -- Fixed for life: the data of a source never leaves its region.
  region text not null,
  environment text not null check (environment in ('development', 'staging', 'production')),
  is_enabled integer not null default 1 check (is_enabled in (0, 1)),
  -- JSON object of the limits that differ from the general ones.
  limits text not null default '{}' check (json_valid(limits)),
  responses text not null default 'strict' check (responses in ('strict', 'lenient')),
  ip text not null default 'keep' check (ip in ('keep', 'truncate', 'drop')),
  origin text not null check (origin in ('created', 'declared')),
  created_at_ms integer not null,
  updated_at_ms integer not null
) strict;

create table write_keys (
  -- Stands for the key in the log; never reused.
  number integer primary key autoincrement,
  id text not null unique,
  source_number integer not null references sources (number),
  -- SHA-256 of the key, hexadecimal; the key itself is kept nowhere.
  digest text not null unique check (length(digest) = 64),
  hint text not null,
  state text not null check (state in ('active', 'disabled')),
  -- Who disabled it: a key that left the declaration comes back with it, one that a person
  -- disabled does not.
  disabled_by text check (disabled_by in ('declaration', 'person')),
  origin text not null check (origin in ('created', 'declared')),
  created_at_ms integer not null,
  -- End of the overlap after a rotation.
  expires_at_ms integer,
  last_used_at_ms integer,
  check ((state = 'disabled') = (disabled_by is not null))
) strict;

create index write_keys_by_source on write_keys (source_number);
