/** docs/public-api.md, from the table of operations. */
import { OPERATIONS } from './operations.ts';
import type { Operation, OperationStatus } from './operations.ts';

const HEAD = `# Segment's Public API

<!-- Made by \`npm run docs\` from src/admin/public-api/operations.ts. -->

The admin listener has the paths, bodies, pages and errors of Segment's Public API, so that a
script or Segment's Terraform provider needs another address and a token of ours, and nothing
else:

\`\`\`js
const api = new SourcesApi('http://localhost:8081');
api.accessToken = 'mrt_…'; // millrace tokens create ci --role admin
\`\`\`

- Tokens are made by \`millrace tokens create\` or in the dashboard. One without scopes may what
  its role may; \`public_api:read\` and \`public_api:read_write\` bound it.
- Pages: \`pagination.count\` (1 to 200, by default 10) and \`pagination.cursor\`. A cursor stays
  valid while things are made and deleted.
- Answers have the media type that was asked for (\`application/vnd.segment.v1+json\`, \`v1beta\`,
  \`v1alpha\`, or \`application/json\`); they are the same in all versions. Errors are
  \`{"errors": [{"type", "message", "field"?}]}\`.
- Write keys are stored as digests: a whole key is in the answer that made it and never again;
  elsewhere \`writeKeys\` holds hints. A key is removed by itself or by its hint.
- In Segment a destination has one source. Here it may have several: it is made with one, shown
  with the first, and is in the list of each.
- A deleted source takes no events any more, and is in no list; its events stay. One that is
  made with its slug is the same source again, with new keys.
- Schema settings say what happens without tracking plans: everything passes. One that would hold
  something back is refused.
- A warehouse has the sources that are connected to it; a new one has none, unless
  \`disconnectAllSources: false\` asks for all. \`disconnectAllWarehouses\` of a new source is
  honoured in the same way. Fields of a body that Segment or we do not know are ignored.
- Ids of Segment's catalogue are taken for sources, destinations, their actions, PostgreSQL and
  the roles Workspace Owner, Source Admin and Source Read-only, beside our own names; what was
  made by one is answered with it. \`hostname\` and \`username\` of a warehouse are understood. A
  destination or warehouse that was given no name is answered without one, until it gets one.
- A person has one role in the workspace (\`owner\`, \`admin\`, \`member\`, \`viewer\`), or is
  kept to sources: \`member\` changes them, \`viewer\` sees them. The link of an invitation is made
  in the dashboard's settings, or by \`millrace users invite\`. Permissions are answered as they
  were asked for, as long as they come to what the person has, and e-mail addresses in the letters
  of the invitation. There are no groups of users.
- Delivery overview: what was received can be grouped and filtered by \`eventName\`,
  \`eventType\` and \`appVersion\`, all else by \`discardReason\`. Counts of a destination are of
  all its sources.
- Usage: a call is an event that was received. People are counted from the first of the month:
  \`identified\` by user id, \`anonymous\` by anonymous id.
- What is not there answers 501 and says what is missing.
- \`GET /openapi.json\` is the OpenAPI document of what is supported, made from the schemas that
  check the requests.
`;
const TITLES: Record<OperationStatus, string> = {
  supported: 'Supported',
  'not yet': 'Not there yet',
  'not applicable': 'Not applicable',
};

export function operationsPage(): string {
  const parts = [HEAD];
  for (const [status, title] of Object.entries(TITLES)) {
    const own = OPERATIONS.filter((operation) => operation.status === status);
    parts.push(`## ${title} (${own.length})`, '', ...tableOf(own), '');
  }
  return parts.join('\n');
}

/** Padded, as the formatter of the repository writes tables. */
function tableOf(operations: readonly Operation[]): string[] {
  const rows = operations.map(({ name, method, path, why }) => {
    return [name, `\`${method} ${path}\``, ...(why === '' ? [] : [why])];
  });
  const head = ['operation', 'request', 'because'].slice(0, rows[0]?.length);
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill = ' ') =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0, fill)).join(' | ')} |`;
  return [
    line(head),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row)),
  ];
}
