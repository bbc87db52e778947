-- A deleted source stays in the table: its number is in the log, and its slug in the lake.
alter table sources add column deleted_at_ms integer;
-- JSON as in memberships: what somebody who is invited may see and change; null: all sources.
alter table invitations add column sources text;
