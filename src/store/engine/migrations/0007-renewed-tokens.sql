-- What services gave instead of the OAuth tokens that are configured.
create table renewed_tokens (
  destination_id text primary key references destinations (id) on delete cascade,
  -- JSON, sealed: the tokens that were configured, and those that took their place.
  sealed blob not null,
  renewed_at_ms integer not null
) strict, without rowid;
