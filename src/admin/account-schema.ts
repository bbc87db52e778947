/** What is sent to sign in, and about people, invitations and API tokens. */
import { z } from 'zod';

const role = z.enum(['owner', 'admin', 'member', 'viewer']);
const email = z.string().trim().min(3).max(400);
/** Length is what helps; NIST SP 800-63B asks for no more. */
const password = z.string().min(10).max(1_000);
export const signInSchema = z.strictObject({ email, password: z.string().max(1_000) });
export const tokenSignInSchema = z.strictObject({ token: z.string().min(1).max(1_000) });
export const acceptSchema = z.strictObject({
  invitation: z.string().min(1).max(200),
  email: email.optional(),
  name: z.string().trim().min(1).max(200).optional(),
  password,
});
const rights = z.strictObject({
  read: z.array(z.string()).readonly(),
  write: z.array(z.string()).readonly(),
});
export const inviteSchema = z.strictObject({
  email,
  role,
  sources: rights.nullable().default(null),
});
export const personChangeSchema = z.strictObject({
  name: z.string().trim().min(1).max(200).optional(),
  role: role.optional(),
  sources: rights.nullable().optional(),
  isEnabled: z.boolean().optional(),
});
export const tokenSchema = z.strictObject({
  name: z.string().trim().min(1).max(200),
  role: role.default('member'),
  scopes: z.array(z.string().min(1).max(100)).max(20).default([]),
  expiresAt: z.iso.datetime({ offset: true }).nullable().default(null),
});
