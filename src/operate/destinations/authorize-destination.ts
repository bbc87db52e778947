/**
 * Letting a destination in at its service: a person signs in there, and the tokens that come of it
 * are kept sealed. Who began has to be who comes back, for the application that was begun with;
 * what has to be remembered meanwhile goes around sealed, in the `state`.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import { findOauthService } from '../../destinations/segment-actions/oauth-services.ts';
import { oauthSchema } from '../../destinations/segment-actions/segment-settings.ts';
import { deliveryPlan } from '../../deliver/delivery-plan.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import type { StoredDestination } from '../../store/destinations/destinations.ts';
import {
  dropAuthorization,
  keepAuthorization,
} from '../../store/destinations/oauth-authorizations.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { RunningServer } from '../running-server.ts';
import { mustFindDestination } from './manage-destinations.ts';
import { authorizationUrl, newVerifier, tokensFor } from './oauth-grant.ts';
import type { OauthApplication } from './oauth-grant.ts';

type Server = Pick<RunningServer, 'store' | 'sealer' | 'net' | 'clock' | 'delivery'>;

const PLACE = 'oauth/state';
const STATE_MS_MAX = 30 * 60_000;

const pendingSchema = z.strictObject({
  slug: z.string(),
  /** The destination and its application, as they were: a code is for nobody else. */
  asked: z.string(),
  actorId: z.string(),
  redirectUrl: z.string(),
  verifier: z.string(),
  beganAtMs: z.number(),
});

/**
 * Where a person signs in at the service.
 * @param redirectUrl of the dashboard, as the application has it registered.
 * @throws MillraceError NOT_FOUND, DESTINATION_INVALID naming the setting, ADDRESS_REFUSED
 */
export async function beginAuthorization(
  server: Server,
  slug: string,
  redirectUrl: string,
  actor: Actor,
): Promise<string> {
  const { sealer, clock, net } = server;
  const { application, asked } = askedOf(server, slug);
  net.checkUrl(application.tokenUrl);
  const verifier = await newVerifier();
  const pending: z.output<typeof pendingSchema> = {
    slug,
    asked,
    actorId: actor.id,
    redirectUrl,
    verifier,
    beganAtMs: clock.wallMs(),
  };
  const state = Buffer.from(sealer.seal(JSON.stringify(pending), PLACE)).toString('base64url');
  return await authorizationUrl(application, { redirectUrl, state, verifier }, net);
}

/**
 * Takes the tokens for what the person brought back, and uses them at once.
 * @param search of the address at which the person came back: `?code=…&state=…`.
 * @param requireRight throws when the actor may not change the destination.
 * @returns the slug of the destination
 * @throws MillraceError FORBIDDEN, NOT_FOUND, DESTINATION_INVALID, CONFLICT,
 *   DESTINATION_TEST_FAILED
 */
export async function finishAuthorization(
  server: Server,
  search: string,
  actor: Actor,
  requireRight: (slug: string) => void,
): Promise<string> {
  const { store, sealer, net, delivery } = server;
  const state = new URLSearchParams(search).get('state') ?? '';
  const { slug, asked, redirectUrl, verifier } = pendingOf(server, state, actor);
  requireRight(slug);
  const { application } = mustBeAsked(server, slug, asked);
  const callbackUrl = `${redirectUrl}${search}`;
  const tokens = await tokensFor(application, { callbackUrl, state, verifier }, net);
  inStoreTransaction(store, () => {
    // It may have been changed or deleted meanwhile.
    const { found } = mustBeAsked(server, slug, asked);
    const authorization = { clientId: application.clientId, tokens };
    keepAuthorization(store, sealer, found.id, { authorization, authorizedBy: actor.name });
    const resource = { type: 'destination', id: found.id, name: found.name };
    recordAudit(store, actor, { action: 'Destination Authorized', resource });
  });
  delivery.setPlan(deliveryPlan(server));
  await delivery.ask('settled', { destination: slug });
  return slug;
}

/** Forgets what a person let in; tokens of the settings count again. @throws NOT_FOUND */
export async function endAuthorization(server: Server, slug: string, actor: Actor): Promise<void> {
  const { store, delivery } = server;
  const { id, name } = mustFindDestination(server, slug);
  inStoreTransaction(store, () => {
    if (!dropAuthorization(store, id)) return;
    const resource = { type: 'destination', id, name };
    recordAudit(store, actor, { action: 'Destination Authorization Removed', resource });
  });
  delivery.setPlan(deliveryPlan(server));
  await delivery.ask('settled', { destination: slug });
}

function pendingOf({ sealer, clock }: Server, state: string, actor: Actor) {
  const failed = new MillraceError(
    'FORBIDDEN',
    'This sign-in at the service was begun by somebody else, or too long ago; begin again',
  );
  try {
    const text = sealer.open(Buffer.from(state, 'base64url'), PLACE);
    const pending = pendingSchema.parse(JSON.parse(text));
    const isFresh = clock.wallMs() - pending.beganAtMs <= STATE_MS_MAX;
    if (isFresh && pending.actorId === actor.id) return pending;
  } catch {
    throw failed;
  }
  throw failed;
}

interface Asked {
  found: StoredDestination;
  application: OauthApplication;
  /** The same for as long as both are the same. */
  asked: string;
}

/** @throws MillraceError NOT_FOUND, DESTINATION_INVALID naming what the settings lack. */
function askedOf(server: Server, slug: string): Asked {
  const found = mustFindDestination(server, slug);
  const application = applicationOf(found);
  const text = JSON.stringify([found.id, application]);
  return { found, application, asked: createHash('sha256').update(text).digest('base64url') };
}

/** @throws MillraceError NOT_FOUND, CONFLICT */
function mustBeAsked(server: Server, slug: string, asked: string): Asked {
  const now = askedOf(server, slug);
  if (now.asked === asked) return now;
  throw new MillraceError('CONFLICT', `${slug} was changed since the sign-in began; begin again`);
}

/** @throws MillraceError DESTINATION_INVALID naming what the settings lack. */
function applicationOf({ type, settings }: StoredDestination): OauthApplication {
  const service = findOauthService(type);
  const oauth = oauthSchema.safeParse(settings['oauth'] ?? {}).data ?? {};
  const need = (key: string, value: string | undefined): string => {
    if (value !== undefined) return value;
    const field = `oauth.${key}`;
    throw new MillraceError('DESTINATION_INVALID', `${field}: required to sign in`, { field });
  };
  return {
    ...service,
    clientId: need('clientId', oauth.clientId),
    clientSecret: need('clientSecret', oauth.clientSecret),
    authorizationUrl: need('authorizationUrl', oauth.authorizationUrl ?? service?.authorizationUrl),
    tokenUrl: need('tokenUrl', oauth.tokenUrl ?? service?.tokenUrl),
    scopes: oauth.scopes ?? service?.scopes ?? '',
  };
}
