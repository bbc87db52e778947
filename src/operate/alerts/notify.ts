/** Tells people, by the way that a rule names, through the guard of addresses. */
import { createHmac } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { MillraceError, toError } from '../../base/errors.ts';
import type { Config } from '../../config/config-schema.ts';
import type { Net } from '../../net/net.ts';
import type { Channel } from '../../store/workspace/alert-rule-shapes.ts';

export interface Notice {
  ruleId: string;
  name: string;
  phase: 'began' | 'stays' | 'ended' | 'test';
  text: string;
  sinceMs: number;
  atMs: number;
}

export interface NotifySeams {
  net: Net;
  clock: Clock;
  smtp: Config['alerts']['smtp'];
}

const ATTEMPTS = 4;
const FIRST_DELAY_MS = 1_000;
const MAIL_MS = 20_000;
const WORDS = { began: 'ALERT', stays: 'STILL', ended: 'OVER', test: 'TEST' } as const;

/** Tries a few times. @throws MillraceError NET_FAILED, ADDRESS_REFUSED, INVALID_ARGUMENT */
export async function notify(seams: NotifySeams, channel: Channel, notice: Notice): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await tell(seams, channel, notice);
      return;
    } catch (error) {
      const isLast = attempt === ATTEMPTS || isHopeless(error);
      if (isLast) throw error;
      await seams.clock.sleep(FIRST_DELAY_MS * 2 ** (attempt - 1));
    }
  }
}

function isHopeless(error: unknown): boolean {
  return error instanceof MillraceError && error.code !== 'NET_FAILED';
}

function tell(seams: NotifySeams, channel: Channel, notice: Notice): Promise<void> {
  if (channel.type === 'email') return mail(seams, channel.to, notice);
  const line = lineOf(notice);
  if (channel.type === 'slack') return post(seams, channel.url, JSON.stringify({ text: line }));
  const body = JSON.stringify({
    type: 'millrace.alert',
    rule: { id: notice.ruleId, name: notice.name },
    phase: notice.phase,
    text: notice.text,
    since: new Date(notice.sinceMs).toISOString(),
    at: new Date(notice.atMs).toISOString(),
  });
  return post(seams, channel.url, body, channel.secret);
}

function lineOf({ name, phase, text }: Notice): string {
  return `${WORDS[phase]} ${name}: ${text}`;
}

/** Signed as webhooks are: `t` in seconds, `v1` the HMAC-SHA256 of `t`, a dot and the body. */
async function post(
  { net, clock }: NotifySeams,
  url: string,
  body: string,
  secret: string | null = null,
): Promise<void> {
  const seconds = Math.floor(clock.wallMs() / 1000);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (secret !== null) {
    const signature = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
    headers['x-millrace-signature'] = `t=${seconds},v1=${signature}`;
  }
  const { status } = await net.request({ method: 'POST', url, headers, body });
  if (status >= 200 && status < 300) return;
  throw new MillraceError('NET_FAILED', `protocol: the channel answered ${status}`);
}

async function mail({ net, smtp }: NotifySeams, to: string, notice: Notice): Promise<void> {
  if (!smtp) {
    throw new MillraceError('INVALID_ARGUMENT', 'alerts.smtp is not configured', { field: 'to' });
  }
  // Loaded at first use: most servers never send mail.
  const { createTransport } = await import('nodemailer');
  const socket = await net.connect({ host: smtp.host, port: smtp.port });
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    connection: socket,
    secure: smtp.security === 'tls',
    requireTLS: smtp.security === 'starttls',
    ignoreTLS: smtp.security === 'none',
    ...(smtp.user !== null && { auth: { user: smtp.user, pass: smtp.password ?? '' } }),
    socketTimeout: MAIL_MS,
    greetingTimeout: MAIL_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    // Line breaks in a subject would be headers of their own.
    const subject = lineOf(notice)
      .replace(/[\r\n]+/g, ' ')
      .slice(0, 200);
    const at = new Date(notice.atMs).toISOString();
    const text = `${notice.text}\n\nRule: ${notice.name}\nAt: ${at}\n`;
    await transport.sendMail({ from: smtp.from, to, subject, text });
  } catch (error) {
    throw new MillraceError('NET_FAILED', `protocol: ${toError(error).message}`, { cause: error });
  } finally {
    transport.close();
    socket.destroy();
  }
}
