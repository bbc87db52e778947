/** Paths of views that many others lead to, by what they are about. */

/** Of one event: its way through everything. */
export function tracePath(messageId: string): string {
  return `/trace/${encodeURIComponent(messageId)}`;
}

/** Of whoever has this id, be it a user's or an anonymous one. */
export function personPath(id: string): string {
  return `/users?${new URLSearchParams({ q: id })}`;
}
