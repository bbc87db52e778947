/** JSON of events for people: numbers are shown as they were sent. */

interface RawJson {
  rawJSON?(text: string): unknown;
}

/**
 * Numbers that JavaScript prints in another way are raw JSON, which `JSON.stringify` writes as it
 * was sent, where the browser knows it (Chrome 114, Firefox 135, Safari 18.4).
 */
export function parseShown(text: string): unknown {
  const { rawJSON } = JSON as RawJson;
  if (!rawJSON) return JSON.parse(text) as unknown;
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    const source = context?.source;
    const isChanged = typeof value === 'number' && source !== undefined && String(value) !== source;
    return isChanged ? rawJSON(source) : value;
  };
  return JSON.parse(text, keep) as unknown;
}
