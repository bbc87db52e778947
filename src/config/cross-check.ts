/** Rules between fields, checked once each field is right by itself. */
import { isInternalSlug } from '../base/internal-source.ts';
import type { Config } from './config-schema.ts';
import { isRsaPublicKey } from './rsa-public-key.ts';

/** One line per broken rule. */
export function crossCheck(config: Config): string[] {
  return [
    ...checkPorts(config),
    ...checkStore(config),
    ...checkRegions(config),
    ...checkSources(config),
    ...checkOauthClients(config),
    ...checkDestinations(config),
  ];
}

function checkPorts({ collector, admin }: Config): string[] {
  if (collector.port === 0 || collector.port !== admin.port) return [];
  return [`admin.port: ${admin.port} is the collector's port (allowed: another port)`];
}

function checkStore({ store }: Config): string[] {
  if (store.engine === 'sqlite' || store.url !== null) return [];
  return ['store.url: engine postgres needs one (allowed: URL such as postgres://user@host/name)'];
}

function checkRegions({ regions }: Config): string[] {
  const owners = new Map<string, string>();
  const problems: string[] = [];
  for (const [region, { hosts }] of Object.entries(regions)) {
    for (const host of hosts) {
      const owner = owners.get(host);
      if (owner !== undefined && owner !== region) {
        problems.push(
          `regions.${region}.hosts: ${host} belongs to region ${owner} (allowed: one region)`,
        );
      }
      owners.set(host, region);
    }
  }
  return problems;
}

function checkDestinations({ destinations, regions }: Config): string[] {
  const names = Object.keys(regions);
  const slugs = new Map<string, number>();
  return destinations.flatMap(({ slug, region }, at) => {
    const problems: string[] = [];
    if (!names.includes(region)) {
      const allowed = names.join(', ');
      problems.push(`destinations[${at}].region: ${region} is not a region (allowed: ${allowed})`);
    }
    const twin = slugs.get(slug);
    if (twin !== undefined) {
      problems.push(`destinations[${at}].slug: ${slug} is taken by destinations[${twin}]`);
    }
    slugs.set(slug, at);
    return problems;
  });
}

function checkOauthClients({ sources }: Config): string[] {
  return sources.flatMap(({ oauth }, at) =>
    oauth.clients.flatMap(({ publicKey }, clientAt) =>
      isRsaPublicKey(publicKey)
        ? []
        : [
            `sources[${at}].oauth.clients[${clientAt}].publicKey: not a usable key ` +
              `(allowed: an RSA public key of 2048 bits or more, in PEM)`,
          ],
    ),
  );
}

function checkSources({ sources, regions }: Config): string[] {
  const names = Object.keys(regions);
  const slugs = new Map<string, number>();
  const keys = new Map<string, number>();
  const problems: string[] = [];
  sources.forEach(({ slug, region, writeKeys }, at) => {
    if (!names.includes(region)) {
      problems.push(
        `sources[${at}].region: ${region} is not a region (allowed: ${names.join(', ')})`,
      );
    }
    if (isInternalSlug(slug)) {
      problems.push(
        `sources[${at}].slug: ${slug} is Millrace's own source (allowed: another slug)`,
      );
    }
    const twin = slugs.get(slug);
    if (twin !== undefined) {
      problems.push(`sources[${at}].slug: ${slug} is taken by sources[${twin}]`);
    }
    slugs.set(slug, at);
    writeKeys.forEach((key, keyAt) => {
      const owner = keys.get(key);
      if (owner !== undefined) {
        problems.push(`sources[${at}].writeKeys[${keyAt}]: the key is also in sources[${owner}]`);
      }
      keys.set(key, at);
    });
  });
  return problems;
}
