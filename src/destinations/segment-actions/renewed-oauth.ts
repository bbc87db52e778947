/**
 * The tokens that a service gave instead of the configured ones, kept over restarts. They hold
 * for the configured tokens that they came from: when a person enters others, those count.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { DestinationContext } from '../destination-contract.ts';
import { oauthSchema } from './segment-settings.ts';
import type { Oauth } from './segment-settings.ts';

export interface RenewedOauth {
  /** Null: the configured tokens are the newest. */
  newest(): Oauth | null;
  keep(oauth: Oauth): void;
}

const keptSchema = z.object({ configured: oauthSchema, renewed: oauthSchema });

/** Begins with what was kept before. @param configured null for services without OAuth. */
export function openRenewedOauth(
  configured: Oauth | null,
  { keptTokens, keepTokens }: Pick<DestinationContext, 'keptTokens' | 'keepTokens'>,
): RenewedOauth {
  const kept = keptSchema.safeParse(keptTokens());
  const holds = kept.success && isDeepStrictEqual(kept.data.configured, configured);
  let newest: Oauth | null = holds ? kept.data.renewed : null;
  return {
    newest: () => newest,
    keep(oauth) {
      newest = oauth;
      if (configured) keepTokens({ configured, renewed: oauth });
    },
  };
}
