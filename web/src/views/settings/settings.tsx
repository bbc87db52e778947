/** Who may do what, who did what, where data is, and how this page looks. */
import { may } from '../../api.ts';
import { Page } from '../../parts/page.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import type { ViewProps } from '../../views.ts';
import { Audit } from './audit.tsx';
import { Look } from './look.tsx';
import { Members } from './members.tsx';
import { Regions } from './regions.tsx';
import { Tokens } from './tokens.tsx';
import './settings.css';

/** The view, a part at a time. */
export function Settings({ params }: ViewProps) {
  return (
    <Page title="Settings">
      <Tabs
        label="Parts of the settings"
        tabs={[
          { name: 'Members', path: '/settings' },
          ...(may('admin') ? [{ name: 'Tokens', path: '/settings/tokens' }] : []),
          { name: 'Audit log', path: '/settings/audit' },
          { name: 'Regions', path: '/settings/regions' },
          { name: 'Look', path: '/settings/look' },
        ]}
      />
      <Part name={params['tab']} />
    </Page>
  );
}

function Part({ name }: { name: string | undefined }) {
  if (name === 'tokens') return <Tokens />;
  if (name === 'audit') return <Audit />;
  if (name === 'regions') return <Regions />;
  if (name === 'look') return <Look />;
  return <Members />;
}
