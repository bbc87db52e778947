/**
 * The shapes of Segment's Public API as its own client declares them: what an answer must have,
 * and of which type. A client in a stricter language refuses an answer that lacks a field.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, dirname } from 'node:path';

interface Field {
  name: string;
  isOptional: boolean;
  type: string;
}
interface Model {
  fields: Field[];
  enums: Map<string, readonly string[]>;
}

const FOLDER = dirname(
  createRequire(import.meta.url).resolve('@segment/public-api-sdk-typescript/dist/api.js'),
);
const FILES = new Map(
  readdirSync(join(FOLDER, 'model'))
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => [name.slice(0, -5).toLowerCase(), join(FOLDER, 'model', name)]),
);
const FIELD = /^ {4}'(\w+)'(\?)?: ([^;]*?(?:\{[^}]*\}[^;]*)?);$/gms;
const ENUM = /enum (\w+) \{([^}]*)\}/g;
const models = new Map<string, Model>();

/** What is wrong with the body of an operation's answer; empty: it is as the client declares. */
export function modelProblems(operation: string, body: unknown): string[] {
  const type = answerTypes().get(operation);
  if (type === undefined) return [`the client has no operation ${operation}`];
  return problemsOf(type, body, operation);
}

/** Whether the client expects 201 of an operation. */
export function isMadeBy201(operation: string): boolean {
  return answerTypes().get(operation)?.endsWith('201Response') ?? false;
}

let types: Map<string, string> | undefined;

/** Names of the answers' classes, by operation. */
function answerTypes(): Map<string, string> {
  if (types) return types;
  types = new Map();
  const folder = join(FOLDER, 'api');
  for (const name of readdirSync(folder).filter((own) => own.endsWith('Api.d.ts'))) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, operation = '', type = ''] of text.matchAll(
      /^ {4}(\w+)\((?:(?!^ {4}\w).)*?body: (\w+);/gms,
    )) {
      types.set(operation, type);
    }
  }
  return types;
}

function modelOf(name: string): Model | undefined {
  const known = models.get(name);
  if (known) return known;
  const file = FILES.get(name.toLowerCase());
  if (file === undefined) return undefined;
  const text = readFileSync(file, 'utf8');
  const [body = ''] = text
    .slice(text.indexOf('export declare class'))
    .split('static discriminator');
  const fields = [...body.matchAll(FIELD)].map(([, own = '', optional, type = '']) => ({
    name: own.replace(/^_/, ''),
    isOptional: optional === '?',
    type: type.replace(/\s+/g, ' ').trim(),
  }));
  const enums = new Map(
    [...text.matchAll(ENUM)].map(([, own = '', values = '']) => [
      `${name}.${own}`,
      values.split(',').map((value) => value.trim().replace(/ =.*$/, '')),
    ]),
  );
  const model = { fields, enums };
  models.set(name, model);
  return model;
}

function problemsOf(type: string, value: unknown, path: string): string[] {
  const alternatives = type.split(' | ');
  if (alternatives.length > 1) {
    if (alternatives.includes('null') && value === null) return [];
    const each = alternatives.map((one) => problemsOf(one, value, path));
    return each.some((found) => found.length === 0) ? [] : (each[0] ?? []);
  }
  if (type === 'any' || type === 'object') return [];
  if (type === 'string' || type === 'number' || type === 'boolean') {
    return typeof value === type ? [] : [`${path}: ${typeof value} instead of ${type}`];
  }
  const [, element] = /^Array<(.*)>$/.exec(type) ?? [];
  if (element !== undefined) {
    if (!Array.isArray(value)) return [`${path}: not a list`];
    return value.flatMap((own: unknown, at) => problemsOf(element, own, `${path}[${at}]`));
  }
  const [owner = '', enumName] = type.split('.');
  if (enumName !== undefined) {
    const allowed = modelOf(owner)?.enums.get(type) ?? [];
    const isIn = allowed.some((own) => own.toLowerCase() === String(value).toLowerCase());
    return isIn ? [] : [`${path}: ${String(value)} is not one of ${allowed.join(', ')}`];
  }
  if (typeof value !== 'object' || value === null) return [`${path}: not an object`];
  if (type.startsWith('{')) return [];
  const model = modelOf(type);
  if (!model) return [`${path}: the client has no type ${type}`];
  return model.fields.flatMap(({ name, isOptional, type: own }) => {
    const given = (value as Record<string, unknown>)[name];
    if (given === undefined) return isOptional ? [] : [`${path}.${name}: missing`];
    return problemsOf(own, given, `${path}.${name}`);
  });
}
