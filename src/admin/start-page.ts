/**
 * The page at `/` of the admin listener: sources, live events and SQL, in one file without any
 * outside request. The token comes in the URL's fragment, which browsers do not send to servers.
 */
import { createHash } from 'node:crypto';

const STYLE = `
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:1100px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:13px}
td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #8884;vertical-align:top}
textarea{width:100%;min-height:5rem;font:13px ui-monospace,monospace}
.scroll{overflow:auto;max-height:22rem;border:1px solid #8884}
.rejected{color:#c33}.muted{opacity:.7}
`;

const SCRIPT = `
const token = location.hash.slice(7) || sessionStorage.getItem('millrace-token') || '';
sessionStorage.setItem('millrace-token', token);
const headers = { Authorization: 'Bearer ' + token };
const at = (id) => document.getElementById(id);
function fill(table, columns, rows) {
  table.replaceChildren();
  const add = (cells, tag) => {
    const tr = table.insertRow();
    for (const text of cells) {
      const cell = document.createElement(tag);
      const isObject = typeof text === 'object' && text !== null;
      cell.textContent = isObject ? JSON.stringify(text) : (text ?? '');
      tr.append(cell);
    }
  };
  add(columns, 'th');
  for (const row of rows) add(row, 'td');
}
async function sql(text, table) {
  const request = { method: 'POST', headers, body: JSON.stringify({ sql: text }) };
  const reply = await fetch('/sql', request);
  const body = await reply.json();
  if (!reply.ok) return fill(table, ['error'], [[body.message]]);
  fill(table, body.columns.map((c) => c.name), body.rows);
}
async function status() {
  const reply = await fetch('/status', { headers });
  if (!reply.ok) {
    at('note').textContent = 'Open the address that millrace printed at its start.';
    return;
  }
  const body = await reply.json();
  fill(at('sources'), ['source', 'slug', 'region', 'environment', 'enabled'],
    body.sources.map((s) => [s.name, s.slug, s.region, s.environment, String(s.enabled)]));
}
async function live() {
  const reply = await fetch('/tail', { headers });
  if (!reply.ok) return;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split('\\n\\n');
    text = parts.pop();
    for (const part of parts) {
      if (!part.startsWith('data: ')) continue;
      const event = JSON.parse(part.slice(6));
      const tr = at('live').insertRow(0);
      tr.className = event.status;
      const who = event.userId || event.anonymousId || '';
      const what = event.event || event.name || event.code || '';
      for (const cell of [event.status, event.type || '', what, who, event.messageId || ''])
        tr.insertCell().textContent = cell;
      if (at('live').rows.length > 200) at('live').deleteRow(200);
    }
  }
}
at('run').addEventListener('click', () => sql(at('query').value, at('result')));
status();
live();
`;

const digest = (text: string) => createHash('sha256').update(text).digest('base64');

/** Only this page's own script and style run. */
export const START_PAGE_POLICY =
  `default-src 'none'; connect-src 'self'; script-src 'sha256-${digest(SCRIPT)}'; ` +
  `style-src 'sha256-${digest(STYLE)}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export const START_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Millrace</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>${STYLE}</style></head><body>
<h1>Millrace</h1><p id="note" class="muted">Events appear below as they arrive.</p>
<h2>Sources</h2><table id="sources"></table>
<h2>Live events</h2><div class="scroll"><table id="live"></table></div>
<h2>SQL</h2>
<label for="query" class="muted">Query</label>
<textarea id="query">select received_at, source, type, event, user_id from events
order by received_at desc limit 20</textarea>
<p><button id="run">Run</button></p>
<div class="scroll"><table id="result"></table></div>
<script>${SCRIPT}</script></body></html>
`;
