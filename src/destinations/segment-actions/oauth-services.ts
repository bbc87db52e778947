/**
 * Where people sign in to let an application in, and what it has to ask for, by services of
 * Segment's destinations with OAuth. Segment's package has the renewal of tokens alone. Read in
 * the services' documentation; whoever has another address or scope says so in the settings.
 */
import type { OauthService } from './segment-shapes.ts';

const GOOGLE = {
  // Without both parameters there is no refresh token, or none at the second time.
  authorizationUrl:
    'https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent',
  tokenUrl: 'https://oauth2.googleapis.com/token',
};
const SALESFORCE = {
  authorizationUrl: 'https://login.salesforce.com/services/oauth2/authorize',
  tokenUrl: 'https://login.salesforce.com/services/oauth2/token',
};
const LINKEDIN = {
  authorizationUrl: 'https://www.linkedin.com/oauth/v2/authorization',
  tokenUrl: 'https://www.linkedin.com/oauth/v2/accessToken',
  refusesPkce: true as const,
};
const SNAP = {
  authorizationUrl: 'https://accounts.snapchat.com/login/oauth2/authorize',
  tokenUrl: 'https://accounts.snapchat.com/login/oauth2/access_token',
};
const googleScope = (name: string): OauthService => ({
  ...GOOGLE,
  scopes: `https://www.googleapis.com/auth/${name}`,
});

const SERVICES: Readonly<Record<string, OauthService>> = {
  'actions-hubspot-cloud': {
    authorizationUrl: 'https://app.hubspot.com/oauth/authorize',
    tokenUrl: 'https://api.hubapi.com/oauth/v1/token',
    scopes:
      'crm.objects.contacts.read crm.objects.contacts.write crm.objects.companies.read ' +
      'crm.objects.companies.write crm.schemas.contacts.read crm.schemas.companies.read',
  },
  'actions-salesforce': { ...SALESFORCE, scopes: 'api refresh_token' },
  'actions-pardot': { ...SALESFORCE, scopes: 'pardot_api refresh_token' },
  'actions-google-enhanced-conversions': googleScope('adwords'),
  'actions-google-sheets': googleScope('spreadsheets'),
  'actions-google-campaign-manager-360': googleScope('ddmconversions'),
  'actions-first-party-dv360': googleScope('display-video'),
  'actions-google-data-manager': googleScope('datamanager'),
  'actions-linkedin-conversions': { ...LINKEDIN, scopes: 'rw_conversions r_ads' },
  'actions-linkedin-audiences': { ...LINKEDIN, scopes: 'rw_dmp_segments r_ads' },
  'actions-snap-conversions': { ...SNAP, scopes: 'snapchat-offline-conversions-api' },
  'actions-snap-audiences': { ...SNAP, scopes: 'snapchat-marketing-api' },
  'actions-ms-bing-ads-audiences': {
    authorizationUrl: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
    tokenUrl: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
    scopes: 'https://ads.microsoft.com/msads.manage offline_access',
  },
  'actions-reddit-audiences': {
    authorizationUrl: 'https://www.reddit.com/api/v1/authorize?duration=permanent',
    tokenUrl: 'https://www.reddit.com/api/v1/access_token',
    scopes: 'adsread adsedit',
    clientAuth: 'basic',
  },
};

/** Undefined: the settings have to say it. */
export function findOauthService(slug: string): OauthService | undefined {
  return Object.hasOwn(SERVICES, slug) ? SERVICES[slug] : undefined;
}
