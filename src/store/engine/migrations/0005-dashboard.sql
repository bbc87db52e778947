-- What people keep in the dashboard.
create table saved_queries (
  id text primary key,
  workspace_id text not null references workspaces (id),
  name text not null,
  sql text not null,
  created_by text not null,
  created_at_ms integer not null,
  updated_at_ms integer not null
) strict, without rowid;

-- Documentation of tracked events and their properties.
create table event_notes (
  workspace_id text not null references workspaces (id),
  source_slug text not null,
  event text not null,
  -- Empty: of the event itself.
  property text not null,
  text text not null,
  updated_by text not null,
  updated_at_ms integer not null,
  primary key (workspace_id, source_slug, event, property)
) strict, without rowid;

create table alert_rules (
  id text primary key,
  workspace_id text not null references workspaces (id),
  name text not null,
  -- JSON: what is watched, its bounds, and where the alert goes.
  rule text not null check (json_valid(rule)),
  is_enabled integer not null default 1 check (is_enabled in (0, 1)),
  created_at_ms integer not null
) strict, without rowid;
