/**
 * Tokens of services with OAuth that were renewed since they were configured. Of one destination
 * one renewal runs at a time, whoever needs it: a service that rotates refresh tokens takes each
 * of them once, and may withdraw all when one comes back.
 */
import type { JsonObject } from '../../events/json.ts';
import type { Oauth } from './segment-settings.ts';

export interface Tokens {
  /** What a renewal gave for these settings of a destination. */
  newest(key: string): Oauth | undefined;
  /** How the last renewal failed, if it did; asked before a call whose token may be refused. */
  failure(key: string): RenewalFailed | undefined;
  /**
   * Fresh tokens instead of those that were refused: those of a renewal since, or of the one that
   * is under way, or of a new one.
   * @param known `failure` before the call: one that failed since then is not tried again by it.
   * @throws RenewalFailed
   */
  renewed(
    key: string,
    refused: Oauth,
    known: RenewalFailed | undefined,
    ask: () => Promise<JsonObject | undefined>,
  ): Promise<Oauth>;
}

const NOBODY = 'nobody has signed in at the service, and it gave no token without';

/** The tokens could not be renewed; the action itself was not at fault. */
export class RenewalFailed extends Error {
  override readonly name = 'RenewalFailed';
  readonly reason: unknown;

  constructor(reason: unknown, before: Oauth) {
    super(before.refresh_token === undefined ? NOBODY : 'the access token could not be renewed');
    this.reason = reason;
  }
}

/** @param onRenewed is told of fresh tokens before anybody uses them. */
export function openTokens(onRenewed: (oauth: Oauth) => void): Tokens {
  const newest = new Map<string, Oauth>();
  const failures = new Map<string, RenewalFailed>();
  const underWay = new Map<string, Promise<Oauth>>();

  const renew = async (
    key: string,
    before: Oauth,
    ask: () => Promise<JsonObject | undefined>,
  ): Promise<Oauth> => {
    try {
      const after = withFresh(before, await ask());
      newest.set(key, after);
      failures.delete(key);
      onRenewed(after);
      return after;
    } catch (error) {
      const failed = new RenewalFailed(error, before);
      failures.set(key, failed);
      throw failed;
    } finally {
      underWay.delete(key);
    }
  };
  return {
    newest: (key) => newest.get(key),
    failure: (key) => failures.get(key),
    renewed(key, refused, known, ask) {
      const newer = newest.get(key);
      if (newer && newer.access_token !== refused.access_token) return Promise.resolve(newer);
      const other = underWay.get(key);
      if (other) return other;
      const failed = failures.get(key);
      if (failed && failed !== known) return Promise.reject(failed);
      const own = renew(key, refused, ask);
      underWay.set(key, own);
      return own;
    },
  };
}

/** A service that answers well, and gives nothing, has refused. */
class NoTokenGiven extends Error {
  override readonly name = 'NoTokenGiven';
  readonly status = 401;

  constructor() {
    super('the answer has no access token');
  }
}

/**
 * Not every service gives a new refresh token; the one that it gave stays good then.
 * @throws NoTokenGiven
 */
function withFresh(before: Oauth, fresh: JsonObject | undefined): Oauth {
  const { accessToken, refreshToken } = fresh ?? {};
  if (typeof accessToken !== 'string') throw new NoTokenGiven();
  const isRotated = typeof refreshToken === 'string' && refreshToken !== '';
  return {
    ...before,
    access_token: accessToken,
    ...(isRotated && { refresh_token: refreshToken }),
  };
}
