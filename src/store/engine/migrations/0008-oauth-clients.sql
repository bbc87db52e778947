-- JSON: who may ask for access tokens, and whether events need one.
alter table sources add column oauth text not null default '{"clients":[],"required":false}';
