/** Every kind of destination by the name that configurations use. */
import type { DestinationType } from './destination-contract.ts';
import { clickhouse } from './clickhouse/clickhouse.ts';
import { httpForward } from './http-forward/http-forward.ts';
import { kafka } from './kafka/kafka.ts';
import { module } from './module/module.ts';
import { nats } from './nats/nats.ts';
import { postgres } from './postgres/postgres.ts';
import { s3 } from './s3/s3.ts';
import { findSegmentDestination, listSegmentDestinations } from './segment-actions/catalogue.ts';
import { findOauthService } from './segment-actions/oauth-services.ts';
import { segmentDestinationType } from './segment-actions/segment-type.ts';
import { webhook } from './webhook/webhook.ts';
import type { DestinationTypeInfo, DestinationTypeView } from './destination-type-shapes.ts';

/** Written for Millrace; the others are Segment's own. */
export const NATIVE_TYPES: readonly DestinationType[] = [
  webhook,
  httpForward,
  postgres,
  clickhouse,
  s3,
  kafka,
  nats,
  module,
];

const byName = new Map(NATIVE_TYPES.map((type) => [type.name, type]));

/** Segment's are looked up in its catalogue at first use. */
export function findDestinationType(name: string): DestinationType | undefined {
  const known = byName.get(name);
  if (known) return known;
  const segment = segmentDestinationType(name);
  if (segment) byName.set(name, segment);
  return segment;
}

/** One kind, with what a form or a script needs to configure it. */
export function describeDestinationType(name: string): DestinationTypeInfo | undefined {
  const type = findDestinationType(name);
  if (!type) return undefined;
  const { title, class: kind, fields, defaults, order, integrationNames } = type;
  const about = { type: name, title, class: kind, order, integrationNames, fields, defaults };
  const segment = findSegmentDestination(name);
  if (!segment) return about;
  const { description, actions, presets, hasTest, hasDelete } = segment;
  const oauthService = findOauthService(name);
  const known = { description, actions, presets, hasTest, hasDelete };
  return { ...about, ...known, ...(oauthService && { oauthService }) };
}

/** All kinds, native ones first. */
export function listDestinationTypes(): DestinationTypeView[] {
  const segment = listSegmentDestinations().flatMap(({ slug }) => findDestinationType(slug) ?? []);
  return [...NATIVE_TYPES, ...segment].map(({ name, title, class: kind, fields }) => {
    return { type: name, title, class: kind, fields };
  });
}
