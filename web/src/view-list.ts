/** All views, in the order of the navigation. A new view adds its line here. */
import type { ComponentType } from 'preact';
import type { ViewProps } from './page-router.ts';

export interface View {
  name: string;
  title: string;
  /** The first is where the navigation leads. */
  paths: readonly string[];
  /** No part of the navigation: people are sent there. */
  isUnlisted?: true;
  /** Loaded when it is first shown. */
  load(): Promise<ComponentType<ViewProps>>;
}

export const VIEWS: readonly View[] = [
  {
    name: 'overview',
    title: 'Overview',
    paths: ['/'],
    load: async () => (await import('./views/overview/overview-view.tsx')).Overview,
  },
  {
    name: 'sources',
    title: 'Sources',
    paths: ['/sources', '/sources/:slug'],
    load: async () => (await import('./views/sources/sources-view.tsx')).Sources,
  },
  {
    name: 'live',
    title: 'Live',
    paths: ['/live'],
    load: async () => (await import('./views/live/live-view.tsx')).Live,
  },
  {
    name: 'destinations',
    title: 'Destinations',
    paths: ['/destinations', '/destinations/:slug', '/destinations/:slug/:tab'],
    load: async () => (await import('./views/destinations/destinations-view.tsx')).Destinations,
  },
  {
    name: 'authorized',
    title: 'Signing in at the service',
    isUnlisted: true,
    paths: ['/authorized'],
    load: async () => (await import('./views/destinations/authorized-view.tsx')).Authorized,
  },
  {
    name: 'trace',
    title: 'Trace',
    paths: ['/trace', '/trace/:messageId'],
    load: async () => (await import('./views/trace/trace-view.tsx')).Trace,
  },
  {
    name: 'schema',
    title: 'Schema',
    paths: ['/schema'],
    load: async () => (await import('./views/schema/schema-view.tsx')).Schema,
  },
  {
    name: 'sql',
    title: 'SQL',
    paths: ['/sql'],
    load: async () => (await import('./views/sql/sql-view.tsx')).Sql,
  },
  {
    name: 'users',
    title: 'Users',
    paths: ['/users'],
    load: async () => (await import('./views/users/users-view.tsx')).Users,
  },
  {
    name: 'usage',
    title: 'Usage',
    paths: ['/usage', '/usage/:tab'],
    load: async () => (await import('./views/usage/usage-view.tsx')).Usage,
  },
  {
    name: 'settings',
    title: 'Settings',
    paths: ['/settings', '/settings/:tab'],
    load: async () => (await import('./views/settings/settings-view.tsx')).Settings,
  },
];
