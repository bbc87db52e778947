/**
 * Functions that the views of the warehouse schema use, made in each engine. They are for what the
 * engine's own functions change: its JSON reads fractions as doubles, and its casts know few forms
 * of time.
 */
import { PLAIN_INTEGER_PATTERN, PLAIN_NUMBER_PATTERN } from '../../events/number-kinds.ts';
import { BASIC_PATTERN, DATE_TIME_PATTERN } from '../../events/timestamp.ts';
import { sqlText } from '../sql-text.ts';

/**
 * Stands before the text of a number that is made a string. Nobody sends such a string; who did
 * would see a number for it in a column of texts, and his string in `events`.
 */
const MARK = String.raw`\u0001millrace:`;
const STRING_OR_NUMBER = String.raw`("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)`;
/** What JSON functions may print in another way; most documents have nothing of it. */
const CHANGED = String.raw`(^|[:\[,\s])(-0|-?[0-9]+[.eE]|-?[0-9]{16})`;
const MARKED = String.raw`"\\u0001millrace:([-0-9.eE+]+)"`;

/**
 * JSON whose numbers are strings with a mark, so that JSON functions keep their digits. Characters
 * 1 and 2 are never in JSON by themselves.
 */
const MARKED_NUMBERS = `case when not regexp_matches(j::varchar, ${sqlText(CHANGED)})
  then j::varchar else replace(replace(replace(
  regexp_replace(j::varchar, ${sqlText(STRING_OR_NUMBER)}, '\\1' || chr(1) || '\\2' || chr(2), 'g'),
  chr(1) || chr(2), ''), chr(1), ${sqlText(`"${MARK}`)}), chr(2), '"') end`;
/** The JSON that was marked, as it was sent. */
const UNMARKED = `regexp_replace(j::varchar, ${sqlText(MARKED)}, '\\1', 'g')`;

const SAFE_DIGITS = 15;
/** Below it doubles have fewer digits. */
const NORMAL_MIN = '2.3e-308';

/** Digits of a number without its exponent, and without zeros before and behind them. */
const DIGITS = `trim(regexp_replace(regexp_replace(t, '[eE].*', ''), '[^0-9]', '', 'g'), '0')`;
/**
 * The double of a number's text, or null when it would be another number: 15 digits fit always;
 * what has more is one that was printed from a double.
 */
const DOUBLE = `list_transform([try_cast(t as double)], lambda d: case
  when not isfinite(d) then null
  when regexp_full_match(t, '-?[0-9]+') and length(${DIGITS}) > ${SAFE_DIGITS}
    then case when abs(d) <= 9007199254740991 then d end
  when d::varchar = lower(t) or to_json(d)::varchar = lower(t) then d
  when length(${DIGITS}) <= ${SAFE_DIGITS}
    and (abs(d) >= ${NORMAL_MIN}::double or ${DIGITS} = '') then d
  end)[1]`;

/** Only small doubles say which whole number was sent; of a plain number every digit counts. */
const INTEGER = `case when regexp_full_match(t, '-?[0-9]+') then try_cast(t as bigint)
  else list_transform([main.millrace_double_of(t)], lambda d: case
    when d = floor(d) and abs(d) <= 9007199254740991 then try_cast(d as bigint) end)[1] end`;

/** JSON text of a number, or of a string that says one, as the number's text. */
function numberText(pattern: string): string {
  return `case when regexp_full_match(t, ${sqlText(`"(${pattern})"`)}) then t[2:-2] else t end`;
}

const TIME_PARTS = `['y', 'mo', 'd', 'h', 'mi', 's', 'f', 'half', 'z']`;
const PARTS = [DATE_TIME_PATTERN, BASIC_PATTERN].map((pattern) => {
  return `regexp_extract(t, ${sqlText(`(?i)^${pattern}$`)}, ${TIME_PARTS})`;
});
const HOUR = `case when p.half = '' then p.h::int
  when p.h::int between 1 and 12 then p.h::int % 12 + case lower(p.half) when 'p' then 12 else 0 end
  end`;
const OFFSET_MINUTES = `case when p.z[1:1] in ('+', '-') then
  case when p.z[2:3]::int <= 23 and coalesce(try_cast(replace(p.z[4:], ':', '') as int), 0) <= 59
    then (case p.z[1:1] when '-' then -1 else 1 end)
      * (p.z[2:3]::int * 60 + coalesce(try_cast(replace(p.z[4:], ':', '') as int), 0)) end
  else 0 end`;
/** As `timeOfProperty` reads it, to the microsecond; null beyond the years 1 to 9999. */
const TIME = `list_transform([case when ${PARTS[0]}.y <> '' then ${PARTS[0]} else ${PARTS[1]} end],
  lambda p: case when p.y not in ('', '0000') and p.mi::int <= 59
    and coalesce(try_cast(p.s as int), 0) <= 60 and (${HOUR}) <= 24
    and ((${HOUR}) < 24 or coalesce(try_cast(p.mi || p.s || p.f as hugeint), 0) = 0)
  then make_timestamp(list_filter([
    epoch_us(try_cast(p.y || '-' || p.mo || '-' || p.d as date)::timestamp)
    + (${HOUR})::bigint * 3600000000 + p.mi::bigint * 60000000
    + coalesce(try_cast(p.s as bigint), 0) * 1000000 + rpad(p.f, 6, '0')[1:6]::bigint
    - (${OFFSET_MINUTES})::bigint * 60000000],
    lambda us: us between -62135596800000000 and 253402300799999999)[1]) end)[1]`;

/**
 * Times that nearly all SDKs write, and that the SQL engine reads by itself: years that no offset
 * takes beyond 1 to 9999, and offsets that are some, because the engine takes others too.
 */
const COMMON_TIME =
  '[1-8]\\d{3}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,6})?' +
  '(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)?';

/** A text without an offset is UTC. The result does not depend on the session's time zone. */
const TIMESTAMP = `coalesce(
  case when regexp_full_match(j, '"${COMMON_TIME}"') then make_timestamp(epoch_us(try_cast(
    j[2:-2] || case when regexp_matches(j, '(Z|[+-]..:..)"$') then '' else 'Z' end as timestamptz)))
  end,
  case when ascii(j) = 34 then main.millrace_time(j[2:-2]) end)`;

/** Statements that make the functions. */
export const SQL_MACROS: readonly string[] = [
  `create macro main.millrace_marked(j) as ${MARKED_NUMBERS}`,
  `create macro main.millrace_unmarked(j) as ${UNMARKED}`,
  `create macro main.millrace_double_of(t) as ${DOUBLE}`,
  `create macro main.millrace_double(t) as main.millrace_double_of(${numberText(PLAIN_NUMBER_PATTERN)})`,
  `create macro main.millrace_bigint_of(t) as ${INTEGER}`,
  `create macro main.millrace_bigint(t) as main.millrace_bigint_of(${numberText(PLAIN_INTEGER_PATTERN)})`,
  `create macro main.millrace_time(t) as ${TIME}`,
  `create macro main.millrace_timestamp(j) as ${TIMESTAMP}`,
];
