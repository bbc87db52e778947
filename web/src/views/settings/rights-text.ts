import type { UserView } from '../../../../src/operate/accounts/account-shapes.ts';

/** Admins have all sources, whatever is kept of them. */
export function rightsText({ role, sources }: Pick<UserView, 'role' | 'sources'>): string {
  if (sources === null || role === 'admin' || role === 'owner') return 'all';
  const { read, write } = sources;
  const seen = read.filter((slug) => !write.includes(slug));
  const parts = [
    ...(write.length > 0 ? [`changes ${write.join(', ')}`] : []),
    ...(seen.length > 0 ? [`reads ${seen.join(', ')}`] : []),
  ];
  return parts.join('; ') || 'none';
}
