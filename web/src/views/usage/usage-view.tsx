/** How much comes, against what usually comes; and who is told when something is odd. */
import type { ViewProps } from '../../page-router.ts';
import { Page } from '../../parts/page.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { Alerts } from './alerts-tab.tsx';
import { Volume } from './volume-tab.tsx';

export function Usage({ params }: ViewProps) {
  return (
    <Page title="Usage">
      <Tabs
        label="Parts of usage"
        tabs={[
          { name: 'Volume', path: '/usage' },
          { name: 'Alerts', path: '/usage/alerts' },
        ]}
      />
      {params['tab'] === 'alerts' ? <Alerts /> : <Volume />}
    </Page>
  );
}
