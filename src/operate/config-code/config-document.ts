/**
 * Configuration as code: what the control store holds, as one document that can be kept in version
 * control. Secrets are never in it: write keys are digests, secret settings are masked. A section
 * or field that the document leaves out is left as it is.
 */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { destinationSchema } from '../../config/deliver-schema.ts';
import { sourceSchema } from '../../config/source-schema.ts';
import { isObject } from '../../events/json.ts';
import { alertRuleSchema } from '../alerts/alert-rule-schema.ts';

export const DOCUMENT_VERSION = 1;

const label = z.strictObject({ key: z.string().min(1).max(100), value: z.string().max(200) });
const labels = z.array(label).max(100).optional();

/** A key by itself, or one that is known elsewhere by its digest. */
const writeKeySchema = z
  .strictObject({
    key: sourceSchema.shape.writeKeys.unwrap().element.optional(),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    hint: z.string().min(1).max(20).optional(),
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  })
  .refine(({ key, digest }) => (key === undefined) !== (digest === undefined), {
    error: 'either key or digest',
  });

const { name, slug } = sourceSchema.shape;
const sourceItem = sourceSchema
  .omit({ writeKeys: true })
  .extend({
    name: name.optional(),
    slug,
    enabled: z.boolean().optional(),
    writeKeys: z.array(writeKeySchema).max(100).optional(),
    labels,
  })
  .strict();
const destinationItem = destinationSchema
  .extend({ name: name.optional(), type: destinationSchema.shape.type.optional(), labels })
  .strict();
const userItem = z.strictObject({
  email: z.string().trim().min(3).max(400),
  name: z.string().trim().min(1).max(200).optional(),
  role: z.enum(['owner', 'admin', 'member', 'viewer']),
  sources: z
    .strictObject({ read: z.array(z.string()), write: z.array(z.string()) })
    .nullable()
    .optional(),
  enabled: z.boolean().optional(),
});

/** Named by its name; the watch only when it is new. */
const alertItem = alertRuleSchema.extend({ watch: alertRuleSchema.shape.watch.optional() });

const documentSchema = z.strictObject({
  version: z.literal(DOCUMENT_VERSION),
  sources: z.array(sourceItem).max(10_000).optional(),
  destinations: z.array(destinationItem).max(1_000).optional(),
  users: z.array(userItem).max(10_000).optional(),
  alerts: z.array(alertItem).max(500).optional(),
});

/** Of the schema, where defaults do not count: what is not said is undefined. */
type Said<Item, Named extends keyof Item> = Partial<Item> & Pick<Item, Named>;
export type SourceItem = Said<z.output<typeof sourceItem>, 'slug'>;
export type DestinationItem = Said<z.output<typeof destinationItem>, 'slug'>;
export type UserItem = z.output<typeof userItem>;
export type AlertItem = Said<z.output<typeof alertItem>, 'name'>;
export type WriteKeyItem = z.output<typeof writeKeySchema>;

export interface ConfigDocument {
  version: typeof DOCUMENT_VERSION;
  sources?: SourceItem[];
  destinations?: DestinationItem[];
  users?: UserItem[];
  alerts?: AlertItem[];
}

/** @throws MillraceError INVALID_ARGUMENT naming the field, such as `sources[2].region`. */
export function parseDocument(given: unknown): ConfigDocument {
  const parsed = documentSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const keys = issue?.code === 'unrecognized_keys' ? issue.keys : [];
    const field = pathOf([...(issue?.path ?? []), ...keys]) || 'document';
    throw new MillraceError('INVALID_ARGUMENT', `${field}: ${issue?.message ?? 'invalid'}`, {
      field,
    });
  }
  const { sources, destinations, users, alerts } = parsed.data;
  requireDistinct(sources, 'sources', 'slug');
  requireDistinct(destinations, 'destinations', 'slug');
  requireDistinct(users, 'users', 'email');
  requireDistinct(alerts, 'alerts', 'name');
  return {
    version: DOCUMENT_VERSION,
    ...(sources && { sources: saidOf(sources, given, 'sources') }),
    ...(destinations && { destinations: saidOf(destinations, given, 'destinations') }),
    ...(users && { users }),
    ...(alerts && { alerts: saidOf(alerts, given, 'alerts') }),
  };
}

/** Defaults of the schemas are for what is declared at a start: here, what is not said is kept. */
function saidOf<Item extends object>(items: readonly Item[], given: unknown, section: string) {
  const raw = isObject(given) ? given[section] : undefined;
  return items.map((item, at): Item => {
    const own: unknown = Array.isArray(raw) ? raw[at] : undefined;
    const said = Object.entries(item).filter(([key]) => isObject(own) && Object.hasOwn(own, key));
    return Object.fromEntries(said) as Item;
  });
}

function requireDistinct<Key extends string>(
  items: readonly Record<Key, string>[] | undefined,
  section: string,
  key: Key,
): void {
  const seen = new Set<string>();
  items?.forEach((item, at) => {
    const value = item[key].toLowerCase();
    if (seen.has(value)) {
      const field = `${section}[${at}].${key}`;
      throw new MillraceError('INVALID_ARGUMENT', `${field}: ${value} stands there twice`, {
        field,
      });
    }
    seen.add(value);
  });
}

function pathOf(parts: readonly PropertyKey[]): string {
  return parts.reduce<string>((path, part) => {
    if (typeof part === 'number') return `${path}[${part}]`;
    return path === '' ? String(part) : `${path}.${String(part)}`;
  }, '');
}
