/** Errors of sockets, TLS, DNS and HTTP as one: NET_FAILED, whose first word says why. */
import { MillraceError, errnoOf } from '../base/errors.ts';

/** The first word of the message of a NET_FAILED. */
export type NetReason = 'timeout' | 'aborted' | 'dns' | 'refused' | 'reset' | 'tls' | 'protocol';

const REASONS: readonly (readonly [codes: RegExp, reason: NetReason])[] = [
  [/TIMEOUT|^ETIMEDOUT$|^ETIMEOUT$/, 'timeout'],
  [/^UND_ERR_(DESTROYED|CLOSED)$/, 'aborted'],
  [/^ENOTFOUND$|^EAI_|^ENODATA$|^ESERVFAIL$|^EREFUSED$|^EBADNAME$/, 'dns'],
  [/^E(CONNREFUSED|HOSTUNREACH|NETUNREACH|HOSTDOWN|NETDOWN|ADDRNOTAVAIL|ACCES|PERM)$/, 'refused'],
  [/^ECONN(RESET|ABORTED)$|^EPIPE$|^UND_ERR_(SOCKET|PRX_CONN)$/, 'reset'],
  [/TLS|SSL|CERT|ISSUER|SIGNATURE|CRL|^EPROTO$|^HOSTNAME_MISMATCH$/, 'tls'],
];

/** The reason of a NET_FAILED. */
export function netReasonOf(error: MillraceError): string {
  return error.message.split(':', 1)[0] ?? '';
}

/**
 * @param host of the request, with its port if there is one. Nothing else of a request is told,
 *   because paths, queries and headers hold secrets; nor is the cause, which may quote the answer.
 * @param known the reason, where the caller ended the exchange.
 * @throws what is neither a refusal of the guard nor trouble of the network: a defect.
 */
export function netFailure(error: unknown, host: string, known?: NetReason): MillraceError {
  const refusal = findMillraceError(error);
  if (refusal) return refusal;
  const code = errnoOf(error) ?? '';
  const isProxy = error instanceof Error && error.message.startsWith('Proxy ');
  // A header or method that cannot be written: no network was involved.
  if (code === 'UND_ERR_INVALID_ARG' && !isProxy) throw error;
  const found = isProxy ? 'refused' : REASONS.find(([codes]) => codes.test(code))?.[1];
  const reason = known ?? found ?? 'protocol';
  const hasDetail = known === undefined && /^[A-Z0-9_]{1,64}$/.test(code);
  const detail = isProxy ? ' (by the proxy)' : hasDetail ? ` (${code})` : '';
  return new MillraceError('NET_FAILED', `${reason}: ${host} ${SENTENCES[reason]}${detail}`);
}

const SENTENCES: Record<NetReason, string> = {
  timeout: 'did not answer in time',
  aborted: 'was not waited for any longer',
  dns: 'could not be resolved',
  refused: 'could not be reached',
  reset: 'closed the connection',
  tls: 'could not be trusted over TLS',
  protocol: 'did not speak HTTP as expected',
};

/** Refusals of the guard come back through undici, some of them wrapped. */
function findMillraceError(error: unknown): MillraceError | undefined {
  let at = error;
  for (let depth = 0; depth < 4 && at instanceof Error; depth++) {
    if (at instanceof MillraceError) return at;
    at = at.cause;
  }
  return undefined;
}
