/** The documentation of tracked events as a Markdown page. Names come from anybody: all is text. */
import type { SchemaEvent, SchemaProperty } from './schema-shapes.ts';

/** Every sign that Markdown may read as more than itself. */
const SIGNS = /[\\`*_{}[\]()<>#+\-.!|~&:@$^="]/g;
/** Controls, and what turns the direction of a line: it would show other text than there is. */
const INVISIBLE = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu;

/** One line of text that shows as it is. */
export function markdownText(text: string): string {
  return text.replaceAll(INVISIBLE, ' ').trim().replaceAll(SIGNS, '\\$&');
}

/** @param title of the page. */
export function schemaMarkdown(title: string, events: readonly SchemaEvent[]): string {
  const blocks = [`# ${markdownText(title)}`];
  for (const [source, own] of Map.groupBy(events, (event) => event.source)) {
    blocks.push(`## Source ${markdownText(source)}`, ...own.flatMap(eventBlocks));
  }
  if (events.length === 0) blocks.push('No events were seen.');
  return blocks.join('\n\n') + '\n';
}

function eventBlocks(event: SchemaEvent): string[] {
  const { type, name, note, count, lastSeenAt, properties, flags } = event;
  const title = name === '' && type !== 'track' ? type : `${type}: ${name}`;
  const seen = count === 0 ? 'Not seen' : `Seen ${count} times, last at ${lastSeenAt ?? ''}`;
  return [
    `### ${markdownText(title)}`,
    ...(note ? [paragraphs(note)] : []),
    markdownText(seen),
    ...flags.map(({ message }) => `> ${markdownText(message)}`),
    ...(properties.length > 0 ? [propertyTable(properties)] : []),
  ];
}

function propertyTable(properties: readonly SchemaProperty[]): string {
  const rows = properties.map(({ name, types, note, examples, flags }) => {
    const about = [note ?? '', ...flags.map(({ message }) => message)].filter(Boolean);
    const cells = [
      name,
      types.map(({ type }) => type).join(', '),
      about.join(' · '),
      examples.join(', '),
    ];
    return `| ${cells.map(markdownText).join(' | ')} |`;
  });
  const head = ['| Property | Types | What it is | Examples |', '| --- | --- | --- | --- |'];
  return [...head, ...rows].join('\n');
}

function paragraphs(text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map(markdownText);
  return lines.join('\n').replaceAll(/\n{3,}/g, '\n\n');
}
