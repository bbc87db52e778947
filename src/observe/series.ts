/** The text of a series (`name{label="x"}`) and its parts. */
import type { Labels } from './metrics.ts';

const SERIES = /^([^{]+)(?:\{(.*)\})?$/s;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/gs;

export function parseSeries(text: string): { name: string; labels: Labels } {
  const [, name = text, given = ''] = SERIES.exec(text) ?? [];
  const pairs = [...given.matchAll(LABEL)].map(([, key = '', value = '']) => [
    key,
    value.replace(/\\(.)/gs, (_, letter: string) => (letter === 'n' ? '\n' : letter)),
  ]);
  return { name, labels: Object.fromEntries(pairs) as Labels };
}
