/**
 * The protocol half of signing in elsewhere: authorization code with PKCE, state and nonce, by
 * openid-client over the guarded way out. Loaded at first use.
 */
import type * as OpenidClient from 'openid-client';
import type { OidcPerson, OidcProvider } from './oidc-routes.ts';
import type { Clock } from '../base/clock.ts';
import { MillraceError, toError } from '../base/errors.ts';
import type { OidcSettings } from '../config/oidc-schema.ts';
import type { Net } from '../net/net.ts';
import { openidFetch } from '../net/openid-fetch.ts';
import type { Logger } from '../observe/logger.ts';

const TIMEOUT_SECONDS = 10;
/** Endpoints and keys are asked for again after this time. */
const DISCOVERY_MS = 3_600_000;

interface Discovered {
  library: typeof OpenidClient;
  provider: OpenidClient.Configuration;
}

export function createOidcProvider(
  settings: OidcSettings,
  { net, clock, logger }: { net: Net; clock: Clock; logger: Logger },
): OidcProvider {
  let known: { found: Promise<Discovered>; atMs: number } | undefined;
  const discovered = (): Promise<Discovered> => {
    const now = clock.monotonicMs();
    if (known && now - known.atMs < DISCOVERY_MS) return known.found;
    const found = discover(settings, net);
    const entry = { found, atMs: now };
    known = entry;
    found.catch(() => {
      if (known === entry) known = undefined;
    });
    return found;
  };
  const failed = (error: unknown): MillraceError => {
    if (error instanceof MillraceError) return error;
    logger.warn({ reason: reasonOf(error) }, 'sign-in with the OpenID provider failed');
    return new MillraceError('UNAUTHORIZED', 'The provider did not confirm who you are', {
      cause: error,
    });
  };
  return {
    buttonText: settings.buttonText,
    async begin(redirectUrl) {
      try {
        const { library, provider } = await discovered();
        const pending = {
          state: library.randomState(),
          nonce: library.randomNonce(),
          verifier: library.randomPKCECodeVerifier(),
        };
        const url = library.buildAuthorizationUrl(provider, {
          redirect_uri: redirectUrl,
          scope: settings.scopes.join(' '),
          state: pending.state,
          nonce: pending.nonce,
          code_challenge: await library.calculatePKCECodeChallenge(pending.verifier),
          code_challenge_method: 'S256',
        });
        return { url: url.href, pending };
      } catch (error) {
        logger.warn({ reason: reasonOf(error) }, 'the OpenID provider cannot be reached');
        const message = 'The provider cannot be reached; the log says why';
        throw new MillraceError('UNAVAILABLE', message, { cause: error });
      }
    },
    async finish(callbackUrl, { state, nonce, verifier }) {
      try {
        const { library, provider } = await discovered();
        const tokens = await library.authorizationCodeGrant(provider, new URL(callbackUrl), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (!claims) throw new Error('no id token');
        const hasEmail = claims['email'] !== undefined;
        const more = hasEmail
          ? {}
          : await library.fetchUserInfo(provider, tokens.access_token, claims.sub);
        return personOf({ ...more, ...claims }, settings.rolesClaim);
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

async function discover(settings: OidcSettings, net: Net): Promise<Discovered> {
  const library = await import('openid-client');
  const { issuer, clientId, clientSecret } = settings;
  const isPlain = new URL(issuer).protocol === 'http:';
  const provider = await library.discovery(
    new URL(issuer),
    clientId,
    undefined,
    clientSecret === null ? library.None() : library.ClientSecretBasic(clientSecret),
    {
      timeout: TIMEOUT_SECONDS,
      [library.customFetch]: openidFetch(net),
      ...(isPlain && { execute: [library.allowInsecureRequests] }),
    },
  );
  return { library, provider };
}

function personOf(claims: Record<string, unknown>, rolesClaim: string | null): OidcPerson {
  const { iss, sub, email, email_verified: isVerified, name } = claims;
  const asked = rolesClaim === null ? [] : [claims[rolesClaim]].flat();
  const role = (['admin', 'member', 'viewer'] as const).find((word) => asked.includes(word));
  return {
    subject: `${String(iss)} ${String(sub)}`,
    email: typeof email === 'string' ? email : null,
    isEmailVerified: isVerified === true,
    name: typeof name === 'string' && name.trim() !== '' ? name.trim() : null,
    role: role ?? null,
  };
}

/** Codes of the library and the provider, never a token. */
function reasonOf(error: unknown): string {
  const { message, cause } = toError(error);
  const inner = cause instanceof Error ? `: ${cause.message}` : '';
  return `${message}${inner}`.slice(0, 300);
}
