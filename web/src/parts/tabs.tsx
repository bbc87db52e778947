/** Parts of a view with an address each: links, so that they can be opened and sent. */
import { href, place } from '../page-router.ts';

interface Props {
  label: string;
  tabs: readonly { name: string; path: string; count?: number }[];
}

export function Tabs({ label, tabs }: Props) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ name, path, count }) => (
        <a
          key={path}
          href={href(path)}
          aria-current={place.value.path === path ? 'page' : undefined}
        >
          {name}
          {count !== undefined && count > 0 && <span class="count">{count}</span>}
        </a>
      ))}
    </nav>
  );
}
