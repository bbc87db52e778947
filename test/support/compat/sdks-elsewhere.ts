/** SDKs that no toolchain of Linux runs, and what is known of them instead. */
import type { BehaviourName } from './sdk-contract.ts';

export interface SdkElsewhere {
  title: string;
  /** The release whose source or requests it is about. */
  version: string;
  /** Replayed: its recorded requests are sent again. Read: its source says what it does. */
  cells: Partial<Record<BehaviourName, 'replayed' | 'read'>>;
  /** Why it is not run. */
  reason: string;
}

const ANSWERS = {
  overloaded: 'read',
  limited: 'read',
  failing: 'read',
  refused: 'read',
  'unknown-key': 'read',
} as const;

export const SDKS_ELSEWHERE: readonly SdkElsewhere[] = [
  {
    title: '@segment/analytics-react-native',
    version: '2.24.1',
    cells: { six: 'replayed', ...ANSWERS, 'lost-answer': 'read' },
    reason: 'needs React Native and a device; its uploader is recorded (test/fixtures/captures)',
  },
  {
    title: 'analytics-swift',
    version: 'source of 2026',
    cells: { six: 'read', ...ANSWERS },
    reason: 'needs an Apple system',
  },
  {
    title: 'analytics-ios (classic)',
    version: 'source of 2026',
    cells: { six: 'read', ...ANSWERS },
    reason: 'needs an Apple system',
  },
  {
    title: 'analytics-android (classic)',
    version: 'source of 2026',
    cells: { six: 'read', ...ANSWERS },
    reason: 'needs an Android system',
  },
  {
    title: 'analytics_flutter',
    version: 'source of 2026',
    cells: { six: 'read', ...ANSWERS },
    reason: 'needs Flutter and a device',
  },
  {
    title: 'Analytics-CSharp',
    version: 'source of 2026',
    cells: { six: 'read', ...ANSWERS },
    reason: 'needs .NET; its empty categories are in test/issues/empty-text-is-absent.test.ts',
  },
  {
    title: 'Analytics.NET (classic)',
    version: 'source of 2026',
    cells: { six: 'read', ...ANSWERS },
    reason: 'needs .NET',
  },
];
