/**
 * The protocol half of letting an application in at a service: the authorization code grant of
 * OAuth 2 (RFC 6749 4.1), by openid-client over the guarded way out. Loaded at first use.
 */
import type * as OpenidClient from 'openid-client';
import { MillraceError, toError } from '../../base/errors.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
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
      await library.authorizationCodeGrant(configuration, withoutIssuer(callbackUrl), {
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
      ? basicAuth(clientId, clientSecret)
      : library.ClientSecretPost(clientSecret),
  );
  configuration.timeout = TIMEOUT_SECONDS;
  configuration[library.customFetch] = tokenFetch(openidFetch(net));
  // `net.checkUrl` has let the address through; on this machine it may be plain.
  if (protocol === 'http:') library.allowInsecureRequests(configuration);
  return { library, configuration };
}

/**
 * The library escapes `-` and `_` of both; a service that does not undo it (Reddit) knows nobody
 * by such a name.
 */
function basicAuth(clientId: string, clientSecret: string): OpenidClient.ClientAuth {
  const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
  return (_server, _client, _body, headers) => headers.set('authorization', `Basic ${credentials}`);
}

/**
 * Services name themselves (RFC 9207; Google does), and nothing tells us by which name: they are
 * known by their addresses. That the code goes to the one where the person was sent, the `state`
 * sees to.
 */
function withoutIssuer(callbackUrl: string): URL {
  const url = new URL(callbackUrl);
  url.searchParams.delete('iss');
  return url;
}

/**
 * The tokens alone, in the form that the library insists on: LinkedIn leaves `token_type` out,
 * others say no content type, and an id token is checked against a name that nobody has told us.
 */
function tokenFetch(fetch: OpenidClient.CustomFetch): OpenidClient.CustomFetch {
  return async (url, options) => {
    const answer = await fetch(url, options);
    if (!answer.ok) return answer;
    const given = jsonObjectOf(await answer.clone().text());
    const { access_token: accessToken, refresh_token: refreshToken } = given;
    if (typeof accessToken !== 'string') return answer;
    return Response.json({
      access_token: accessToken,
      token_type: 'bearer',
      ...(typeof refreshToken === 'string' &&
        refreshToken !== '' && { refresh_token: refreshToken }),
    });
  };
}

/** Empty for what is none. */
function jsonObjectOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
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
