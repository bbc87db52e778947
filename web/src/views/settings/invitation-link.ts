import { href } from '../../page-router.ts';

/** What somebody who is invited opens. */
export function linkOf(invitation: string): string {
  return `${window.location.origin}${href('/')}#invitation=${invitation}`;
}
