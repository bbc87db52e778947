/** JSON of events for people: numbers are shown as they were sent. */

interface RawJson {
  rawJSON?(text: string): unknown;
}

/** Minus zero, many digits, an exponent, or a zero behind a fraction; also in texts. */
const MAY_CHANGE = /-0|\d{16}|\d\.\d{15}|\d[eE]|\.\d*0(?!\d)/;

/**
 * Numbers that JavaScript prints in another way are raw JSON, which `JSON.stringify` writes as it
 * was sent, where the browser knows it (Chrome 114, Firefox 135, Safari 18.4).
 */
export function parseShown(text: string): unknown {
  const { rawJSON } = JSON as RawJson;
  // A reviver costs several times as much, and most answers need none.
  if (!rawJSON || !MAY_CHANGE.test(text)) return JSON.parse(text) as unknown;
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    const source = context?.source;
    const isChanged = typeof value === 'number' && source !== undefined && String(value) !== source;
    return isChanged ? rawJSON(source) : value;
  };
  return JSON.parse(text, keep) as unknown;
}
