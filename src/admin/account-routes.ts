/** Signing in and out, people, invitations and API tokens. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { deleteCookie } from 'hono/cookie';
import { MillraceError } from '../base/errors.ts';
import { listApiTokens } from '../store/people/api-tokens.ts';
import { listAudit, recordAudit } from '../store/people/audit.ts';
import {
  acceptInvitation,
  createInvitation,
  findInvitation,
  listInvitations,
} from '../store/people/invitations.ts';
import { endSession } from '../store/people/sessions.ts';
import type { Store } from '../store/store.ts';
import {
  createUser,
  findUser,
  findUserByEmail,
  listUsers,
  mustFindUser,
  setPassword,
} from '../store/people/users.ts';
import {
  acceptSchema,
  inviteSchema,
  personChangeSchema,
  signInSchema,
  tokenSchema,
  tokenSignInSchema,
} from './account-schema.ts';
import { actorOf, requireAllSources, requireRole } from './actor.ts';
import { SESSION_COOKIES, actorOfUser, requireOwnPage, sessionOf } from './guard.ts';
import { parseBody } from './parse-body.ts';
import type { Passwords } from './passwords.ts';
import { setSessionCookie, startSession } from './session-cookie.ts';
import {
  changePerson,
  deletePerson,
  invitationView,
  invite,
  requireNotAbove,
  userEntry,
  userView,
  withdrawInvitation,
} from '../operate/accounts/people-changes.ts';
import { addToken, endToken, tokenView } from '../operate/accounts/token-changes.ts';
import type { InvitationMade, Invited, Me } from '../operate/accounts/account-shapes.ts';
import type { SignInLimit } from './sign-in-limit.ts';
import { TOKEN_SESSION_MS } from './token-session.ts';
import type { TokenSessions } from './token-session.ts';

export interface AccountOptions {
  store: Store;
  passwords: Passwords;
  limit: SignInLimit;
  isAdminToken(text: string): boolean;
  tokenSessions: TokenSessions;
  /** The address that the request came from. */
  addressOf(c: Context): string;
}

/** Routes that nobody has to be signed in for. */
export function signInRoutes(options: AccountOptions): Hono {
  const { store, passwords, limit } = options;
  const routes = new Hono();
  routes.post('/sign-in', async (c) => {
    requireOwnPageIfBrowser(c);
    const given = await parseBody(c, signInSchema);
    limit.take(options.addressOf(c), given.email);
    const found = findUserByEmail(store, given.email);
    const hashed = found?.user.isEnabled ? found.password : null;
    // Takes as long for a name that nobody has.
    const isRight = await passwords.verify(given.password, hashed ?? null);
    if (!isRight || !found) throw new MillraceError('UNAUTHORIZED', 'Wrong email or password');
    limit.succeed(given.email);
    startSession(c, store, found.user);
    return c.json(userView(found.user));
  });
  routes.post('/sign-in/token', async (c) => {
    requireOwnPageIfBrowser(c);
    const given = await parseBody(c, tokenSignInSchema);
    // No limit: it has more bits than anybody can guess, and a request with it has none either.
    if (!options.isAdminToken(given.token)) {
      throw new MillraceError('UNAUTHORIZED', 'This is not the admin token');
    }
    setSessionCookie(c, options.tokenSessions.begin(), TOKEN_SESSION_MS);
    return c.json({ signedIn: true });
  });
  addInvitationRoutes(routes, options);
  routes.post('/sign-out', (c) => {
    requireOwnPageIfBrowser(c);
    const session = sessionOf(c);
    if (session !== undefined) endSession(store, session);
    for (const name of SESSION_COOKIES) {
      deleteCookie(c, name, { path: '/', secure: name.startsWith('__Host-') });
    }
    return c.json({ signedOut: true });
  });
  return routes;
}

/** For whoever has the link of one. */
function addInvitationRoutes(routes: Hono, options: AccountOptions): void {
  const { store, passwords, limit } = options;
  routes.get('/invitations/:invitation', (c) => {
    const found = findInvitation(store, c.req.param('invitation'));
    if (!found) throw new MillraceError('NOT_FOUND', 'The link is used up or too old');
    const { email, role, userId } = found;
    const invited: Invited = { email, role, isNewPassword: userId !== null };
    return c.json(invited);
  });
  routes.post('/invitations/accept', async (c) => {
    requireOwnPageIfBrowser(c);
    const given = await parseBody(c, acceptSchema);
    limit.take(options.addressOf(c), given.invitation);
    if (!findInvitation(store, given.invitation)) {
      throw new MillraceError('NOT_FOUND', 'The link is used up or too old');
    }
    const hashed = await passwords.hash(given.password);
    const user = acceptInvitation(store, given.invitation, (invitation) => {
      if (invitation.userId !== null) {
        setPassword(store, invitation.userId, hashed);
        return mustFindUser(store, invitation.userId);
      }
      const address = invitation.email ?? given.email;
      if (!address) {
        throw new MillraceError('INVALID_ARGUMENT', 'email: missing', { field: 'email' });
      }
      const name = given.name ?? address;
      const made = createUser(store, {
        email: address,
        name,
        role: invitation.role,
        sources: invitation.sources,
        password: hashed,
      });
      recordAudit(store, actorOfUser(made), userEntry('User Created', made, null, userView(made)));
      return made;
    });
    startSession(c, store, user);
    return c.json(userView(user), 201);
  });
}

/** Behind the guard. */
export function accountRoutes({ store }: AccountOptions): Hono {
  const routes = new Hono();
  routes.get('/me', (c) => {
    const actor = actorOf(c);
    const user = actor.type === 'user' ? findUser(store, actor.id) : undefined;
    const me: Me = { ...actor, user: user ? userView(user) : null };
    return c.json(me);
  });
  routes.get('/users', (c) => {
    requireRole(c, 'viewer');
    return c.json(listUsers(store).map(userView));
  });
  routes.patch('/users/:id', async (c) => {
    requireRole(c, 'admin');
    const change = definedOf(await parseBody(c, personChangeSchema));
    return c.json(userView(changePerson(store, actorOf(c), c.req.param('id'), change)));
  });
  routes.delete('/users/:id', (c) => {
    deletePerson(store, actorOf(c), c.req.param('id'));
    return c.json({ deleted: true });
  });
  routes.post('/users/:id/new-password', (c) => {
    const actor = requireRole(c, 'admin');
    const user = mustFindUser(store, c.req.param('id'));
    requireNotAbove(actor, user);
    const { role: own, email: address, id, sources } = user;
    const offer = { email: address, role: own, sources, userId: id };
    const made: InvitationMade = { invitation: createInvitation(store, offer) };
    recordAudit(store, actor, userEntry('Password Reset Offered', user, null, null));
    return c.json(made, 201);
  });
  routes.post('/invitations', async (c) => {
    requireRole(c, 'admin');
    const given = await parseBody(c, inviteSchema);
    const made: InvitationMade = { invitation: invite(store, actorOf(c), given) };
    return c.json(made, 201);
  });
  routes.get('/invitations', (c) => {
    requireRole(c, 'admin');
    return c.json(listInvitations(store).map(invitationView));
  });
  routes.delete('/invitations/:email', (c) => {
    withdrawInvitation(store, actorOf(c), c.req.param('email'));
    return c.json({ withdrawn: true });
  });
  addTokenRoutes(routes, store);
  routes.get('/audit', (c) => {
    requireAllSources(c);
    const before = Number(c.req.query('before') ?? Number.MAX_SAFE_INTEGER);
    const limit = Math.min(500, Number(c.req.query('limit') ?? 100) || 100);
    const text = c.req.query('q')?.slice(0, 200);
    return c.json(listAudit(store, { beforeId: before, limit, text }));
  });
  return routes;
}

function addTokenRoutes(routes: Hono, store: Store): void {
  routes.get('/tokens', (c) => {
    requireRole(c, 'admin');
    return c.json(listApiTokens(store).map(tokenView));
  });
  routes.post('/tokens', async (c) => {
    const actor = requireRole(c, 'admin');
    const { expiresAt, ...given } = await parseBody(c, tokenSchema);
    const expiresAtMs = expiresAt === null ? null : Date.parse(expiresAt);
    return c.json(addToken(store, actor, { ...given, expiresAtMs }), 201);
  });
  routes.delete('/tokens/:id', (c) =>
    c.json(endToken(store, requireRole(c, 'admin'), c.req.param('id'))),
  );
}

/** A form on another site could sign somebody in as its author; programs have no such header. */
function requireOwnPageIfBrowser(c: Context): void {
  const isBrowser = c.req.header('sec-fetch-site') ?? c.req.header('origin');
  if (isBrowser !== undefined) requireOwnPage(c);
}

function definedOf<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, own]) => own !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
