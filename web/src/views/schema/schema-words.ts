/** Events, properties and flags in words. */
import type { FlagKind, SchemaEvent } from '../../../../src/operate/schema/schema-shapes.ts';

/** What to do about a flag, in a sentence. */
export const ADVICE: Readonly<Record<FlagKind, string>> = {
  'similar-events':
    'If these are the same event, choose one name and change the code that sends the others: reports count them apart, and each has a table of its own.',
  'similar-properties':
    'Choose one spelling, and change the code that sends the other: in SQL these are different properties.',
  'mixed-types':
    'Send one type. Sums and comparisons leave out what cannot be turned into the other type.',
  'types-differ-between-events':
    'Use one type for a name everywhere, or another name: the same name looks like the same thing.',
};

export function titleOf({ type, name, key }: Pick<SchemaEvent, 'type' | 'name' | 'key'>): string {
  if (type === 'track') return name === '' ? '(no name)' : name;
  return type || key;
}

export function flagCount(event: SchemaEvent): number {
  const own = event.properties.reduce((sum, { flags }) => sum + flags.length, 0);
  return event.flags.length + own;
}

/** In the names of events and properties, and in what is written about them. */
export function hasText(event: SchemaEvent, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  const texts = [
    titleOf(event),
    event.note ?? '',
    ...event.properties.flatMap(({ name, note }) => [name, note ?? '']),
  ];
  return texts.some((own) => own.toLowerCase().includes(wanted));
}
