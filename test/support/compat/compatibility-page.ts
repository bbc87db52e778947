/** docs/compatibility.md: SDK × version × behaviour, and how each answer is known. */
import { BEHAVIOURS } from './sdk-behaviours.ts';
import { BEHAVIOUR_NAMES } from './sdk-contract.ts';
import type { BehaviourName, Sdk } from './sdk-contract.ts';
import { SDKS } from './sdk-matrix.ts';
import { readResults } from './sdk-results.ts';
import type { Cell, SdkResult } from './sdk-results.ts';
import { SDKS_ELSEWHERE } from './sdks-elsewhere.ts';

const HEAD = [
  '# Compatibility',
  '',
  '<!-- Made by npm run compat and npm run docs; a test compares it with the code. -->',
  '',
  'Real, unmodified SDKs against Millrace: `npm run compat` starts each with a small program of its',
  'own language (`test/compat/drivers`), behind a proxy that records what was sent and misbehaves by',
  'plan, and compares that with what SQL answers. In every cell that was run, Millrace kept its word:',
  'each event that it answered with 200 is stored, once, and `properties`, `traits`, ids and names are',
  'what the SDK sent, byte for byte. A number is how many of the events that the program handed to its',
  'SDK are stored: fewer than all are the doing of the SDK, and the notes say why.',
  '',
];

export function compatibilityPage(): string {
  const results = readResults();
  const names = Object.keys(SDKS) as (keyof typeof SDKS)[];
  const columns = BEHAVIOUR_NAMES.map((name) => BEHAVIOURS[name].title);
  const rows = [
    ['SDK', 'version', 'run on', ...columns],
    ...names.map((name) => runRow(SDKS[name], results[name])),
    ...SDKS_ELSEWHERE.map(({ title, version, cells }) => [
      title,
      version,
      '-',
      ...BEHAVIOUR_NAMES.map((name) => cells[name] ?? 'not run'),
    ]),
  ];
  return [...HEAD, ...tableOf(rows), '', ...meanings(), '', ...notes(results), ''].join('\n');
}

function runRow({ title, version }: Sdk, result: SdkResult | undefined): string[] {
  const cells = result?.cells;
  const shownCells = BEHAVIOUR_NAMES.map((n) =>
    cells === undefined ? 'not run' : shown(cells[n]),
  );
  return [title, version, cells === undefined ? '-' : (result?.date ?? '-'), ...shownCells];
}

function shown({ text, state }: Cell): string {
  return state === 'failed' ? `**${text.split('\n', 1)[0]}**` : text;
}

function meanings(): string[] {
  return [
    '## Columns',
    '',
    ...BEHAVIOUR_NAMES.map(
      (name) => `- **${BEHAVIOURS[name].title}**: ${BEHAVIOURS[name].meaning}.`,
    ),
    '',
    'Replayed: requests that the SDK made are sent again, byte for byte (`test/compat/captures.test.ts`). Read: its source says what it does with the answer',
    'that Millrace gives. Neither proves as much as a run.',
  ];
}

function notes(results: Record<string, SdkResult>): string[] {
  const limits = Object.entries(SDKS as Record<string, Sdk>).flatMap(([, sdk]) => limitsOf(sdk));
  const missing = Object.entries(SDKS as Record<string, Sdk>)
    .filter(([name]) => results[name]?.cells === undefined)
    .map(([name, { title }]) => `- ${title}: ${results[name]?.reason ?? 'never run'}.`);
  const elsewhere = SDKS_ELSEWHERE.map(({ title, reason }) => `- ${title}: ${reason}.`);
  const stubbed = Object.values(SDKS as Record<string, Sdk>)
    .filter(({ stubs }) => stubs !== undefined)
    .map(({ title, stubs = {} }) => `- ${title}: the proxy answers GET ${Object.keys(stubs)[0]}.`);
  return [
    '## What Millrace does not answer yet',
    '',
    ...stubbed,
    '',
    '## What SDKs lose by themselves',
    '',
    ...limits,
    '',
    '## Not run, and why',
    '',
    ...missing,
    ...elsewhere,
  ];
}

/** One line for each reason, with the columns that it explains. */
function limitsOf({ title, limits = {} }: Sdk): string[] {
  const byReason = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(limits) as [BehaviourName, string][]) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), BEHAVIOURS[name].title]);
  }
  return [...byReason].map(([reason, columns]) => `- ${title}, ${columns.join(', ')}: ${reason}.`);
}

/** With the padding that the formatter of this repository gives tables. */
function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, at) => Math.max(3, ...all.map((cells) => (cells[at] ?? '').length)));
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${widths.map((width, at) => (cells[at] ?? '').padEnd(width, fill)).join(' | ')} |`;
  return [
    line(head),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rows.map((cells) => line(cells)),
  ];
}
