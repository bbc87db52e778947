/** What a destination may be. */

export type DestinationState =
  /** Delivers. */
  | 'enabled'
  /** Delivers nothing; its cursor stays, so that everything comes later. */
  | 'paused'
  /** Receives nothing; what comes meanwhile is filtered (DESTINATION_DISABLED). */
  | 'disabled';
