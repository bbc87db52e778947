/** The view `identity_links`: which user an anonymous or former id belongs to. */
import { sqlText } from '../sql-text.ts';

/** Steps that a chain of aliases is followed; a longer one ends there. */
export const ALIAS_STEPS_MAX = 32;

/**
 * 1. A link is any event that carries an anonymous and a user id, or an alias (its previous id
 *    counts as the anonymous one).
 * 2. The newest alias of each previous id says where it went. Chains of them are followed to the
 *    end; in a circle the newest alias has the last word.
 * 3. Each link goes to the end of its user's chain. Links to itself are left out.
 */
export function identityLinksSql(slug: string): string {
  return `with recursive own as (
  select e.type, e.anonymous_id, e.user_id, e.previous_id,
    least(e."timestamp", e.received_at) as seen,
    e.received_at, e."partition", e."position", e."index"
  from main.events as e where e.source = ${sqlText(slug)} and e.user_id is not null
), links as (
  select anonymous_id as from_id, user_id, seen from own where anonymous_id is not null
  union all
  select previous_id, user_id, seen from own where type = 'alias' and previous_id is not null
), moves as (
  select previous_id as from_id,
    arg_max(user_id, row(seen, received_at, "partition", "position", "index")) as to_id,
    max(row(seen, received_at, "partition", "position", "index")) as newest
  from own where type = 'alias' and previous_id is not null and previous_id <> user_id
  group by previous_id
), chains as (
  select from_id as start_id, to_id as end_id, [from_id] as passed,
    [{'newest': newest, 'to_id': to_id}] as steps, false as is_circle
  from moves
  union all
  select c.start_id, m.to_id, list_append(c.passed, m.from_id),
    list_append(c.steps, {'newest': m.newest, 'to_id': m.to_id}),
    list_contains(c.passed, m.to_id)
  from chains as c join moves as m on m.from_id = c.end_id
  where not c.is_circle and len(c.steps) < ${ALIAS_STEPS_MAX}
), ends as (
  select start_id, arg_max(
    case when is_circle
      then list_max(steps[list_position(passed, end_id):]).to_id
      else end_id end, len(steps)) as end_id
  from chains group by start_id
)
select l.from_id as anonymous_id, coalesce(n.end_id, l.user_id) as user_id,
  min(l.seen) as first_seen, max(l.seen) as last_seen
from links as l left join ends as n on n.start_id = l.user_id
where l.from_id <> coalesce(n.end_id, l.user_id)
group by all`;
}
