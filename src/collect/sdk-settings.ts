/**
 * `GET /v1/projects/{writeKey}/settings`: what browser and mobile SDKs fetch before they send.
 * `integrations["Segment.io"].apiHost` overrides the host that mobile SDKs were configured with,
 * so it must be this server, or their events would go elsewhere.
 */
import type { IncomingMessage } from 'node:http';
import type { SourceEntry } from '../auth/snapshot.ts';
import type { CollectSettings } from './context.ts';

export function sdkSettings(
  settings: CollectSettings,
  writeKey: string,
  { consentSettings }: Pick<SourceEntry, 'consentSettings'>,
  request: IncomingMessage,
): unknown {
  const isTls = 'encrypted' in request.socket && request.socket.encrypted === true;
  const forwardedProtocol = request.headers['x-forwarded-proto'];
  const protocol =
    settings.publicHost === null && !isTls && forwardedProtocol !== 'https' ? 'http' : 'https';
  const host = settings.publicHost ?? request.headers.host ?? 'localhost';
  return {
    integrations: {
      'Segment.io': {
        apiKey: writeKey,
        apiHost: `${host}/v1`,
        protocol,
        unbundledIntegrations: [],
        addBundledMetadata: true,
        maybeBundledConfigIds: {},
        versionSettings: { version: '4.4.7', componentTypes: ['browser'] },
        ...(settings.sdkHttpConfig === null ? {} : { httpConfig: settings.sdkHttpConfig }),
      },
    },
    plan: {
      track: { __default: { enabled: true, integrations: {} } },
      identify: { __default: { enabled: true } },
      group: { __default: { enabled: true } },
    },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
    ...(consentSettings && { consentSettings }),
    autoInstrumentationSettings: { sampleRate: 0, disableTraffic: true },
  };
}
