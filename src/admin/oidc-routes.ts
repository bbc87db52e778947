/**
 * Signing in with an account elsewhere (OpenID Connect). What has to be remembered meanwhile is in
 * a sealed cookie of the browser that began, so that nobody can finish what another one began.
 */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import { recordAudit } from '../store/people/audit.ts';
import type { Role, User } from '../store/people/people-shapes.ts';
import {
  findUserByOidcSubject,
  linkOidcSubject,
  takeInvitationsOf,
} from '../store/people/oidc-users.ts';
import type { Sealer } from '../store/sealing/sealing.ts';
import { inStoreTransaction } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { createUser, findUserByEmail } from '../store/people/users.ts';
import type { SignInMethod } from '../operate/accounts/account-shapes.ts';
import { actorOfUser } from './guard.ts';
import { startSession } from './session-cookie.ts';
import type { SignInLimit } from './sign-in-limit.ts';

/** What a sign-in that has begun has to prove. */
export interface OidcPending {
  state: string;
  nonce: string;
  verifier: string;
}

/** What the provider says of somebody. */
export interface OidcPerson {
  /** Issuer and subject. */
  subject: string;
  email: string | null;
  isEmailVerified: boolean;
  name: string | null;
  /** Of the claim that is configured for roles; never owner. */
  role: Exclude<Role, 'owner'> | null;
}

/** Made by serve. @throws MillraceError UNAUTHORIZED, UNAVAILABLE */
export interface OidcProvider {
  buttonText: string;
  begin(redirectUrl: string): Promise<{ url: string; pending: OidcPending }>;
  /** Checks state, nonce, signature, issuer, audience and time. */
  finish(callbackUrl: string, pending: OidcPending): Promise<OidcPerson>;
}

export interface OidcOptions {
  store: Store;
  sealer: Sealer;
  limit: SignInLimit;
  addressOf(c: Context): string;
  /** Null: people sign in with passwords only. */
  oidc: {
    provider: OidcProvider;
    /** Where people reach the dashboard; null: what the request says. */
    publicUrl: string | null;
    allowedDomains: readonly string[];
    defaultRole: Role;
  } | null;
}

const COOKIE = 'millrace-oidc';
const PATH = '/admin/oidc';
const PLACE = 'oidc/pending';
const PENDING_MS_MAX = 10 * 60_000;
/** Of the dashboard; what is added to `/app` cannot leave it. */
const OWN_PATH = /^\/(?![/\\])[\w\-./~%:@!$&'()*+,;=?]{0,1000}$/;

const pendingSchema = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  to: z.string().regex(OWN_PATH),
  beganAtMs: z.number(),
});

/** Routes that nobody has to be signed in for. */
export function oidcRoutes(options: OidcOptions): Hono {
  const { store, sealer, limit, oidc } = options;
  const routes = new Hono();
  routes.get('/sign-in-methods', (c) => {
    const methods: SignInMethod[] = [{ type: 'password' }];
    if (oidc) {
      methods.push({ type: 'oidc', name: oidc.provider.buttonText, url: `${PATH}/start` });
    }
    return c.json(methods);
  });
  if (!oidc) return routes;
  routes.get('/oidc/start', (c) =>
    answerPeople(c, async () => {
      // By address alone: who it is, is not known yet.
      limit.take(options.addressOf(c), store.random.uuid());
      const asked = c.req.query('to') ?? '/';
      const to = OWN_PATH.test(asked) ? asked : '/';
      const { url, pending } = await oidc.provider.begin(`${ownUrl(c, oidc)}${PATH}/callback`);
      const kept = JSON.stringify({ ...pending, to, beganAtMs: store.clock.wallMs() });
      setCookie(c, COOKIE, Buffer.from(sealer.seal(kept, PLACE)).toString('base64url'), {
        path: PATH,
        httpOnly: true,
        // Strict would keep it from the way back, which begins at the provider.
        sameSite: 'Lax',
        secure: ownUrl(c, oidc).startsWith('https:'),
        maxAge: PENDING_MS_MAX / 1000,
      });
      return c.redirect(url);
    }),
  );
  routes.get('/oidc/callback', (c) =>
    answerPeople(c, async () => {
      // By address alone: who it is, is not known yet.
      limit.take(options.addressOf(c), store.random.uuid());
      const pending = pendingOf(c, options);
      // Whatever comes of it, it has been tried.
      deleteCookie(c, COOKIE, { path: PATH });
      const { search } = new URL(c.req.url);
      const { to, beganAtMs: _, ...proof } = pending;
      const callbackUrl = `${ownUrl(c, oidc)}${PATH}/callback${search}`;
      const person = await oidc.provider.finish(callbackUrl, proof);
      const user = userOf(store, person, oidc);
      startSession(c, store, user);
      return c.redirect(`/app${to}`);
    }),
  );
  return routes;
}

/** @throws MillraceError UNAUTHORIZED for what was begun elsewhere, long ago, or made up. */
function pendingOf(c: Context, { store, sealer }: OidcOptions): z.output<typeof pendingSchema> {
  const failed = new MillraceError(
    'UNAUTHORIZED',
    'This sign-in was begun elsewhere, or too long ago; begin again',
  );
  try {
    const sealed = Buffer.from(getCookie(c, COOKIE) ?? '', 'base64url');
    const pending = pendingSchema.parse(JSON.parse(sealer.open(sealed, PLACE)));
    if (store.clock.wallMs() - pending.beganAtMs <= PENDING_MS_MAX) return pending;
  } catch {
    throw failed;
  }
  throw failed;
}

/**
 * The account of somebody: by subject; else, for a verified address, the account or invitation of
 * that address, or a new account where the domain is allowed.
 * @throws MillraceError FORBIDDEN for an address that is not verified or known, and for an account
 *   that is disabled.
 */
function userOf(store: Store, person: OidcPerson, oidc: NonNullable<OidcOptions['oidc']>): User {
  return inStoreTransaction(store, () => {
    const known = findUserByOidcSubject(store, person.subject) ?? linkedUser(store, person);
    const user = known ?? newUser(store, person, oidc);
    if (!user.isEnabled) throw new MillraceError('FORBIDDEN', 'This account is disabled');
    const resource = { type: 'user', id: user.id, name: user.email };
    recordAudit(store, actorOfUser(user), { action: 'User Signed In', resource });
    return user;
  });
}

function linkedUser(store: Store, person: OidcPerson): User | undefined {
  const user = findUserByEmail(store, verifiedEmail(person))?.user;
  if (!user) return undefined;
  if (!user.isEnabled) throw new MillraceError('FORBIDDEN', 'This account is disabled');
  linkOidcSubject(store, user.id, person.subject);
  const resource = { type: 'user', id: user.id, name: user.email };
  recordAudit(store, actorOfUser(user), { action: 'User Linked To Provider', resource });
  return user;
}

function newUser(
  store: Store,
  person: OidcPerson,
  { allowedDomains, defaultRole }: NonNullable<OidcOptions['oidc']>,
): User {
  const email = verifiedEmail(person);
  const invited = takeInvitationsOf(store, email);
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  const isAllowed = allowedDomains.some((allowed) => allowed.toLowerCase() === domain);
  if (invited === undefined && !isAllowed) {
    throw new MillraceError('FORBIDDEN', `${email} has no account here; ask for an invitation`);
  }
  const role = invited?.role ?? person.role ?? defaultRole;
  const sources = invited?.sources ?? null;
  const name = person.name ?? email;
  const user = createUser(store, { email, name, role, sources, password: null });
  linkOidcSubject(store, user.id, person.subject);
  const resource = { type: 'user', id: user.id, name: email };
  const after = { email, role, isInvited: invited !== undefined };
  recordAudit(store, actorOfUser(user), { action: 'User Created', resource, after });
  return user;
}

/** An address that nobody verified may be anybody's. @throws MillraceError FORBIDDEN */
function verifiedEmail({ email, isEmailVerified }: OidcPerson): string {
  if (email !== null && isEmailVerified) return email;
  throw new MillraceError('FORBIDDEN', 'The provider has not verified your email address');
}

/** The provider sends people only to addresses that it knows, so a forged host leads nowhere. */
function ownUrl(c: Context, { publicUrl }: { publicUrl: string | null }): string {
  if (publicUrl !== null) return publicUrl.replace(/\/$/, '');
  const scheme = c.req.header('x-forwarded-proto') === 'https' ? 'https' : 'http';
  return `${scheme}://${c.req.header('host') ?? 'localhost'}`;
}

/** Somebody looks at the answer: what went wrong is a page with a way back. */
async function answerPeople(c: Context, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    c.header('Content-Security-Policy', "default-src 'none'");
    const page = html`<!doctype html>
      <html lang="en">
        <title>Millrace</title>
        <h1>Not signed in</h1>
        <p>${error.message}</p>
        <p><a href="/app/">Back to the sign-in page</a></p>
      </html>`;
    return c.html(page, error.status as 403);
  }
}
