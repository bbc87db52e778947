-- Labels as in Segment's Public API: key and value, on sources and destinations.
create table labels (
  workspace_id text not null references workspaces (id),
  key text not null,
  value text not null,
  description text not null default '',
  primary key (workspace_id, key, value)
) strict, without rowid;

create table resource_labels (
  workspace_id text not null references workspaces (id),
  resource_type text not null check (resource_type in ('source', 'destination')),
  resource_id text not null,
  key text not null,
  value text not null,
  primary key (workspace_id, resource_type, resource_id, key, value)
) strict, without rowid;

-- What a script of the Public API stored with a resource and expects back unchanged.
create table resource_documents (
  workspace_id text not null references workspaces (id),
  resource_type text not null,
  resource_id text not null,
  document text not null check (json_valid(document)),
  primary key (workspace_id, resource_type, resource_id)
) strict, without rowid;
