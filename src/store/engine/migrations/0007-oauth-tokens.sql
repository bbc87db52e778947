-- What services gave instead of the OAuth tokens that are configured.
create table renewed_tokens (
  destination_id text primary key references destinations (id) on delete cascade,
  -- JSON, sealed: the tokens that were configured, and those that took their place.
  sealed blob not null,
  renewed_at_ms integer not null
) strict, without rowid;

-- Tokens that a person got by signing in at the service.
create table oauth_authorizations (
  destination_id text primary key references destinations (id) on delete cascade,
  -- JSON, sealed: the application that asked, and its tokens.
  sealed blob not null,
  authorized_at_ms integer not null,
  -- As the audit log names people.
  authorized_by text not null
) strict, without rowid;
