/**
 * `GET /v1/projects/{writeKey}/settings`: what browser and mobile SDKs fetch before they send.
 * `integrations["Segment.io"].apiHost` overrides the host that mobile SDKs were configured with,
 * so it must be this server, or their events would go elsewhere.
 *
 * A field is here because an SDK reads it and would otherwise assume something else; each has a
 * test with an SDK that reads it (`test/compat`). "Nothing" is not the same as absent: empty
 * consent settings keep whole pages silent.
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
  const asAsked = isTls || forwardedProtocol === 'https' ? 'https' : 'http';
  const protocol = settings.publicProtocol ?? asAsked;
  const host = settings.publicHost ?? request.headers.host ?? 'localhost';
  return {
    integrations: {
      'Segment.io': {
        apiKey: writeKey,
        apiHost: `${host}/v1`,
        protocol,
        ...(settings.sdkHttpConfig && { httpConfig: settings.sdkHttpConfig }),
      },
    },
    // Absent it is 1 in browsers: they would report on themselves, and to Segment.
    metrics: { sampleRate: 0 },
    ...(consentSettings && { consentSettings }),
  };
}
