/** A real OpenID provider on a free port, where whoever asks is signed in as the test says. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Claims {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
  groups?: string[];
}

export interface OidcIssuer {
  url: string;
  port: number;
  clientId: string;
  clientSecret: string;
  /** Requests that it has had. */
  requests(): number;
  /** Who is signed in from now on. */
  setPerson(claims: Claims): void;
  stop(): Promise<void>;
}

/** What is used of oidc-provider, which comes without types. */
interface Provider {
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
  ): Promise<void>;
}

interface Context {
  oidc: {
    session: { accountId: string };
    client: { clientId: string };
    provider: { Grant: new (about: object) => Grant };
  };
}

interface Grant {
  addOIDCScope(scope: string): void;
  save(): Promise<string>;
}

const PACKAGE: string = 'oidc-provider';

/** @param registered more about the client, as the provider names it. */
export async function startOidcIssuer(
  redirectUri: string,
  registered: Record<string, unknown> = {},
): Promise<OidcIssuer> {
  const { default: OidcProvider } = (await import(PACKAGE)) as {
    default: new (issuer: string, options: object) => Provider;
  };
  let requests = 0;
  let person: Claims = { sub: 'nobody' };
  const clientId = 'millrace';
  const clientSecret = 'issuer-secret-0123456789';
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const provider = new OidcProvider(url, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        ...registered,
      },
    ],
    claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['a key of this test'] },
    interactions: { url: () => '/interaction' },
    findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => person }),
    async loadExistingGrant({ oidc }: Context) {
      const { clientId: client } = oidc.client;
      const grant = new oidc.provider.Grant({
        clientId: client,
        accountId: oidc.session.accountId,
      });
      grant.addOIDCScope('openid email profile offline_access');
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    requests++;
    const login = { accountId: person.sub };
    const done = request.url?.startsWith('/interaction')
      ? provider.interactionFinished(request, response, { login, consent: {} })
      : answer(request, response);
    done.catch((error: unknown) => response.destroy(error as Error));
  });
  return {
    url,
    port,
    clientId,
    clientSecret,
    requests: () => requests,
    setPerson: (claims) => {
      person = claims;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
