/**
 * `POST /token`: an access token for an assertion that a client of a source has signed, as
 * Segment's SDKs ask for it (RFC 6749 section 4.4, RFC 7523). Refusals have `error` and
 * `error_description`, without which Segment's SDK for Python dies.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ACCESS_TOKEN_SECONDS } from '../auth/access-tokens.ts';
import { readAssertion } from '../auth/client-assertion.ts';
import { answerJson } from './answers.ts';
import type { HeaderList } from './answers.ts';
import { readBody } from './body.ts';
import type { CollectContext } from './context.ts';

export const TOKEN_PATH = /^\/token\/?$/;
const FORM_BYTES_MAX = 16_384;
const GRANT = 'client_credentials';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const SCOPE = 'tracking_api:write';

type TokenError =
  | 'invalid_request'
  | 'invalid_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_grant';

interface Refused {
  error: TokenError;
  description: string;
}

export function handleToken(
  context: CollectContext,
  request: IncomingMessage,
  response: ServerResponse,
  headers: HeaderList,
): void {
  readBody(request, FORM_BYTES_MAX, (body) => {
    const issued = body.ok
      ? tokenFor(context, new URLSearchParams(body.bytes.toString('utf8')), request.headers.host)
      : refused('invalid_request', `The form cannot be read, or exceeds ${FORM_BYTES_MAX} bytes`);
    // RFC 6749 section 5.1.
    headers.push('Cache-Control', 'no-store');
    if (typeof issued === 'string') {
      context.cells.status(200).value++;
      answerJson(response, 200, headers, {
        access_token: issued,
        token_type: 'Bearer',
        expires_in: ACCESS_TOKEN_SECONDS,
        scope: SCOPE,
      });
      return;
    }
    const status = issued.error === 'invalid_client' ? 401 : 400;
    context.cells.status(status).value++;
    answerJson(response, status, headers, {
      error: issued.error,
      error_description: issued.description,
    });
  });
}

/** @returns the token, or why there is none. */
function tokenFor(
  { authenticator, assertions, tokens, clock, settings }: CollectContext,
  form: URLSearchParams,
  host: string | undefined,
): string | Refused {
  if (form.get('grant_type') !== GRANT) {
    return refused('unsupported_grant_type', `grant_type is not ${GRANT}`);
  }
  if (form.get('client_assertion_type') !== ASSERTION_TYPE) {
    return refused('invalid_request', `client_assertion_type is not ${ASSERTION_TYPE}`);
  }
  const scope = form.get('scope');
  if (scope !== null && !scope.split(' ').includes(SCOPE)) {
    return refused('invalid_scope', `The only scope is ${SCOPE}`);
  }
  const nowMs = clock.wallMs();
  const nowSeconds = nowMs / 1000;
  const hosts = [settings.publicHost, host].filter((one) => typeof one === 'string');
  const rules = { clientsOf: authenticator.clientsOf, hosts, nowSeconds };
  const read = readAssertion(form.get('client_assertion') ?? '', rules);
  if (!read.ok) return refused(read.error, read.description);
  const { client, jti, endsAtSeconds } = read;
  if (!assertions.use(client.id, jti, endsAtSeconds, nowSeconds)) {
    return refused('invalid_grant', 'The assertion was used before');
  }
  return tokens.issue(client.tag, nowMs);
}

function refused(error: TokenError, description: string): Refused {
  return { error, description };
}
