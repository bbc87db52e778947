/**
 * The protocol half of letting an application in at a service: the authorization code grant of
 * OAuth 2 (RFC 6749 4.1), by openid-client over the guarded way out. Loaded at first use.
 */
import type * as OpenidClient from 'openid-client';
import { MillraceError, toError } from '../../base/errors.ts';
import type { OauthService } from '../../destinations/segment-actions/segment-shapes.ts';
import type { Net } from '../../net/net.ts';
import { openidFetch } from '../../net/openid-fetch.ts';
import type { OauthAuthorization } from '../../store/destinations/oauth-authorizations.ts';

/** An application of the user's own, at a service. */
export interface OauthApplication extends OauthService {
  clientId: string;
  clientSecret: string;
}

const TIMEOUT_SECONDS = 10;
const MESSAGE_CHARS_MAX = 300;

/** What has to be proved when the person comes back. */
export function newVerifier(): Promise<string> {
  return import('openid-client').then((library) => library.randomPKCECodeVerifier());
}

/** Where to send the person. @throws MillraceError ADDRESS_REFUSED */
export async function authorizationUrl(
  application: OauthApplication,
  { redirectUrl, state, verifier }: { redirectUrl: string; state: string; verifier: string },
  net: Net,
): Promise<string> {
  const { library, configuration } = await clientOf(application, net);
  const challenge = {
    code_challenge: await library.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  return library.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUrl,
    state,
    ...(application.scopes !== '' && { scope: application.scopes }),
    ...(!application.refusesPkce && challenge),
  }).href;
}

/** Tokens for the code that the person brings. @throws MillraceError DESTINATION_TEST_FAILED */
export async function tokensFor(
  application: OauthApplication,
  { callbackUrl, state, verifier }: { callbackUrl: string; state: string; verifier: string },
  net: Net,
): Promise<OauthAuthorization['tokens']> {
  try {
    const { library, configuration } = await clientOf(application, net);
    const { access_token: accessToken, refresh_token: refreshToken } =
      await library.authorizationCodeGrant(configuration, new URL(callbackUrl), {
        expectedState: state,
        ...(!application.refusesPkce && { pkceCodeVerifier: verifier }),
      });
    return {
      access_token: accessToken,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
    };
  } catch (error) {
    const message = `The service gave no tokens: ${reasonOf(error)}`;
    throw new MillraceError('DESTINATION_TEST_FAILED', message, { cause: error });
  }
}

async function clientOf(
  { clientId, clientSecret, authorizationUrl: signIn, tokenUrl, clientAuth }: OauthApplication,
  net: Net,
): Promise<{ library: typeof OpenidClient; configuration: OpenidClient.Configuration }> {
  const library = await import('openid-client');
  const { origin, protocol } = new URL(tokenUrl);
  const configuration = new library.Configuration(
    { issuer: origin, authorization_endpoint: signIn, token_endpoint: tokenUrl },
    clientId,
    undefined,
    clientAuth === 'basic'
      ? library.ClientSecretBasic(clientSecret)
      : library.ClientSecretPost(clientSecret),
  );
  configuration.timeout = TIMEOUT_SECONDS;
  configuration[library.customFetch] = openidFetch(net);
  // `net.checkUrl` has let the address through; on this machine it may be plain.
  if (protocol === 'http:') library.allowInsecureRequests(configuration);
  return { library, configuration };
}

/** Codes and descriptions of the library and the service, never a token. */
function reasonOf(error: unknown): string {
  const { message, cause } = toError(error);
  const said = isSaid(error) ? [error.error, error.error_description] : [];
  const inner = cause instanceof Error ? cause.message : undefined;
  const all = [message, ...said, inner].filter((text) => text !== undefined && text !== '');
  return all.join(': ').slice(0, MESSAGE_CHARS_MAX);
}

/** What a service answers instead of tokens (RFC 6749 5.2). */
function isSaid(error: unknown): error is { error: string; error_description?: string } {
  return error instanceof Error && 'error' in error && typeof error.error === 'string';
}
