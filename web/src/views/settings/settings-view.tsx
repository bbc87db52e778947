/** Who may do what, who did what, where data is, and how this page looks. */
import { may } from '../../admin-api.ts';
import type { ViewProps } from '../../page-router.ts';
import { Page } from '../../parts/page.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { Audit } from './audit-tab.tsx';
import { Look } from './look-tab.tsx';
import { Members } from './members-tab.tsx';
import { Regions } from './regions-tab.tsx';
import { Tokens } from './tokens-tab.tsx';
import './settings-view.css';

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
