/** The shape of what authentication knows. The store makes it; threads get copies of it. */
export type {
  AuthSnapshot,
  KeyEntry,
  RegionEntry,
  SourceEntry,
} from '../store/sources/auth-snapshot.ts';
