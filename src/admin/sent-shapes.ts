/** What the routes of the admin listener take, as whoever sends it writes it. */
import type { z } from 'zod';
import type {
  acceptSchema,
  inviteSchema,
  personChangeSchema,
  signInSchema,
  tokenSchema,
  tokenSignInSchema,
} from './account-schema.ts';
import type { authorizationSchema, authorizedSchema } from './authorization-schema.ts';
import type {
  discardSchema,
  mappingPreviewSchema,
  replaySchema,
  retrySchema,
} from './delivery-schema.ts';
import type { filterPreviewSchema, triggerPreviewSchema } from './destination-view-schema.ts';
import type { WrittenFilter } from '../deliver/routing/filter-shapes.ts';
import type { noteSchema } from './note-schema.ts';
import type { newSourceSchema, rotateSchema, sourceChangeSchema } from './source-schema.ts';
import type { newQuerySchema, queryChangeSchema, sqlSchema } from './sql-schema.ts';

export type SentSignIn = z.input<typeof signInSchema>;
export type SentTokenSignIn = z.input<typeof tokenSignInSchema>;
export type SentAccept = z.input<typeof acceptSchema>;
export type SentInvitation = z.input<typeof inviteSchema>;
export type SentPersonChange = z.input<typeof personChangeSchema>;
export type SentToken = z.input<typeof tokenSchema>;
export type SentAuthorization = z.input<typeof authorizationSchema>;
export type SentAuthorized = z.input<typeof authorizedSchema>;
export type SentRetry = z.input<typeof retrySchema>;
export type SentDiscard = z.input<typeof discardSchema>;
export type SentReplay = z.input<typeof replaySchema>;
export type SentMappingPreview = z.input<typeof mappingPreviewSchema>;
/** The filters are checked apart from the rest. */
export type SentFilterPreview = Omit<z.input<typeof filterPreviewSchema>, 'filters'> & {
  filters: readonly WrittenFilter[];
};
export type SentTriggerPreview = z.input<typeof triggerPreviewSchema>;
export type SentNote = z.input<typeof noteSchema>;
export type SentSource = z.input<typeof newSourceSchema>;
export type SentSourceChange = z.input<typeof sourceChangeSchema>;
export type SentRotation = z.input<typeof rotateSchema>;
export type SentQuery = z.input<typeof newQuerySchema>;
export type SentQueryChange = z.input<typeof queryChangeSchema>;
export type SentSql = z.input<typeof sqlSchema>;
