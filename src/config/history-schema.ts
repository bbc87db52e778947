/** Settings of the history of counters, of alerts and of the canary. */
import { z } from 'zod';
import { flag, integer, text } from './fields.ts';

const days = (most: number, description: string) =>
  integer({ min: 1, max: most, unit: 'days', description });

export const historySchema = z.strictObject({
  minuteDays: days(366, 'How long counters are kept by the minute.').default(7),
  hourDays: days(3_660, 'How long counters are kept by the hour.').default(90),
  dayDays: days(36_600, 'How long counters are kept by the day.').default(1_830),
  seriesMax: integer({
    min: 10,
    max: 1_000_000,
    unit: 'series',
    description: 'Series of counters kept apart; further ones are summed as `other`.',
  }).default(5_000),
});

export const alertsSchema = z.strictObject({
  everySeconds: integer({
    min: 1,
    max: 3_600,
    unit: 'seconds',
    description: 'How often alert rules are looked at.',
  }).default(60),
  smtp: z
    .strictObject({
      host: text(/^[^\s\p{Cc}]{1,253}$/u, {
        allowed: 'host name or address',
        description: 'Mail server for alerts by email; private addresses need `net.allow`.',
      }),
      port: integer({ min: 1, max: 65_535, description: 'Its port.' }).default(587),
      user: text(/^[^\p{Cc}]{1,500}$/u, { allowed: 'text', description: 'Login, if it wants one.' })
        .nullable()
        .default(null),
      password: text(/^[^\p{Cc}]{1,500}$/u, {
        allowed: 'text',
        description: 'Password of the login.',
        isSecret: true,
      })
        .nullable()
        .default(null),
      from: text(/^[^\s\p{Cc}<>]{1,200}@[^\s\p{Cc}<>]{1,200}$/u, {
        allowed: 'email address',
        description: 'Sender of alerts.',
      }),
      security: z.enum(['starttls', 'tls', 'none']).default('starttls').meta({
        allowed: 'starttls, tls, none',
        description: 'How the connection is encrypted; `none` sends the password in the clear.',
      }),
    })
    .nullable()
    .meta({ allowed: 'a mail server, or nothing', description: 'Mail server of alerts.' })
    .default(null),
});

export const canarySchema = z.strictObject({
  enabled: flag({
    description: 'Send an event of its own source through the collector, and wait for it in SQL.',
  }).default(false),
  everySeconds: integer({
    min: 1,
    max: 86_400,
    unit: 'seconds',
    description: 'How often the canary flies.',
  }).default(60),
  lateSeconds: integer({
    min: 1,
    max: 3_600,
    unit: 'seconds',
    description: 'When it counts as late.',
  }).default(10),
});
