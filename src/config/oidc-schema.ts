/** Signing in with an account of an OpenID Connect provider. */
import { z } from 'zod';
import { choice, text } from './fields.ts';

const DOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/i;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export const oidcSchema = z
  .strictObject({
    issuer: z
      .string()
      .refine(isIssuer)
      .meta({
        allowed: 'https:// URL without query; http:// on this machine only',
        description:
          'Who knows the people. Its addresses are guarded as those of destinations are: an ' +
          'internal one stands in net.allow, another port in net.ports.',
      }),
    clientId: text(/^[\x20-\x7e]{1,400}$/, {
      allowed: 'text, 1 to 400 characters',
      description: 'Name of this Millrace at the provider.',
    }),
    clientSecret: text(/^[\x20-\x7e]{1,2000}$/, {
      allowed: 'text, 1 to 2000 characters',
      description: 'From the environment; null: none, the provider trusts PKCE alone.',
      isSecret: true,
    })
      .nullable()
      .default(null),
    publicUrl: z
      .string()
      .refine(isOriginUrl)
      .nullable()
      .meta({
        allowed: 'http:// or https:// URL without path',
        description:
          'Where people reach the dashboard; by default what each request says. The provider has ' +
          'to know this address with /admin/oidc/callback as redirect URI.',
      })
      .default(null),
    scopes: z
      .array(
        z
          .string()
          .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/)
          .meta({ allowed: 'a scope, such as email' }),
      )
      .max(20)
      .meta({ allowed: 'list of scopes', description: 'What is asked of the provider.' })
      .default(['openid', 'email', 'profile']),
    buttonText: text(/^[^\p{Cc}]{1,60}$/u, {
      allowed: 'text, 1 to 60 characters',
      description: 'Name of the provider on the sign-in page.',
    }).default('single sign-on'),
    allowedDomains: z
      .array(z.string().regex(DOMAIN).meta({ allowed: 'domain, such as shop.example' }))
      .max(1_000)
      .meta({
        allowed: 'list of domains',
        description:
          'Whoever has a verified email address of one of these gets an account; others need ' +
          'an invitation.',
      })
      .default([]),
    defaultRole: choice(['viewer', 'member', 'admin'], {
      description: 'Role of accounts that are made so.',
    }).default('viewer'),
    rolesClaim: text(/^[^\p{Cc}]{1,200}$/u, {
      allowed: 'name of a claim',
      description:
        'Claim that holds viewer, member or admin, by itself or in a list; it sets the role of a ' +
        'new account, before defaultRole.',
    })
      .nullable()
      .default(null),
  })
  .nullable()
  .meta({
    allowed: 'at least issuer and clientId, or nothing',
    description: 'Sign-in with an OpenID Connect provider.',
  })
  .default(null);

export type OidcSettings = NonNullable<z.output<typeof oidcSchema>>;

function isIssuer(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.username + url.password + url.search + url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}

function isOriginUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username + url.password + url.search + url.hash === '' && url.pathname === '/';
}
