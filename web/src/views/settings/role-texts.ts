/** Roles, and what each may. */
import type { Role } from '../../../../src/store/people/people-shapes.ts';

/** From the least to the most. */
export const ROLES: readonly Role[] = ['viewer', 'member', 'admin', 'owner'];

/** What each role may, in a few words. */
export const ROLE_TEXTS: Readonly<Record<Role, string>> = {
  viewer: 'reads',
  member: 'changes sources and destinations',
  admin: 'people and tokens too',
  owner: 'everything',
};
