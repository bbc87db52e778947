/**
 * The durable state of one destination, a SQLite file in the folder of its region. One stream is
 * `live`, each replay is another. For every stream and partition, an event below the cursor is
 * counted (delivered, filtered, discarded), waiting for a retry, or a dead letter: exactly one of
 * these; what is at or above the cursor is pending.
 */
export const STATE_VERSION = 1;

export const STATE_SCHEMA = `
create table streams (
  stream text primary key, state text not null, spec text not null, created_at_ms integer not null,
  changed_at_ms integer not null
) strict, without rowid;

create table cursors (
  stream text not null, partition text not null, start integer not null,
  position integer not null, end integer,
  primary key (stream, partition)
) strict, without rowid;

create table counts (
  stream text not null, outcome text not null, reason text not null,
  source_number integer not null, hour integer not null, count integer not null,
  primary key (stream, outcome, reason, source_number, hour)
) strict, without rowid;

create table waiting (
  id integer primary key, stream text not null,
  partition text not null, position integer not null, item integer not null,
  source_number integer not null, hour integer not null, message_id text not null,
  order_key text not null, attempts integer not null, first_failed_ms integer,
  next_ms integer not null, reason text, message text, status integer, response text,
  progress text, body blob,
  unique (stream, partition, position, item)
) strict;
create index waiting_by_position on waiting (partition, position);

create table dead_letters (
  id integer primary key, stream text not null,
  partition text not null, position integer not null, item integer not null,
  source_number integer not null, hour integer not null, message_id text not null,
  type text not null, event text, order_key text not null, attempts integer not null,
  first_failed_ms integer, died_at_ms integer not null, reason text not null,
  message text not null, status integer, response text, body blob not null,
  unique (stream, partition, position, item)
) strict;
create index dead_letters_by_cause on dead_letters (reason, status);
create index dead_letters_by_message on dead_letters (message_id);

create table attempts (
  id integer primary key, stream text not null, partition text not null,
  first integer not null, last integer not null, items blob not null,
  at_ms integer not null, elapsed_ms integer not null, outcome text not null,
  reason text, message text, status integer
) strict;
create index attempts_by_place on attempts (partition, last);

create table intents (
  stream text primary key, token text not null, ranges text not null
) strict, without rowid;
`;
