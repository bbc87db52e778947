create table destinations (
  id text primary key,
  workspace_id text not null references workspaces (id),
  name text not null,
  slug text not null unique,
  type text not null,
  -- Fixed for life: it receives the data of its region only.
  region text not null,
  state text not null check (state in ('enabled', 'paused', 'disabled')),
  -- JSON list of slugs; null: all sources of the region.
  sources text check (sources is null or json_valid(sources)),
  -- The settings, sealed as a whole, because every type has other secrets.
  sealed_settings blob not null,
  consent_categories text not null default '[]' check (json_valid(consent_categories)),
  filters text not null default '[]' check (json_valid(filters)),
  delivery text not null default '{}' check (json_valid(delivery)),
  -- JSON: "now", "beginning" or {"fromMs": …}.
  start text not null check (json_valid(start)),
  origin text not null check (origin in ('created', 'declared')),
  created_at_ms integer not null,
  updated_at_ms integer not null
) strict, without rowid;

-- Users whose events go nowhere.
create table suppressed_users (
  workspace_id text not null references workspaces (id),
  user_id text not null,
  created_at_ms integer not null,
  primary key (workspace_id, user_id)
) strict, without rowid;
