/**
 * End-user consent as in Segment: a destination mapped to categories receives an event only if the
 * user has consented to all of them. A destination without categories, and an event without a
 * consent object, are not restricted.
 */
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';

/** Segment sends it whatever the preferences say, because it is about them. */
const PREFERENCE_EVENT = 'Segment Consent Preference Updated';

/** @param categories those of the destination. */
export function hasConsent(message: JsonObject, categories: readonly string[]): boolean {
  if (categories.length === 0) return true;
  if (message['type'] === 'track' && message['event'] === PREFERENCE_EVENT) return true;
  const { context } = message;
  const consent = isObject(context) ? context['consent'] : undefined;
  if (!isObject(consent) || Object.keys(consent).length === 0) return true;
  // A consent object that says nothing of categories consents to none.
  const given = isObject(consent['categoryPreferences']) ? consent['categoryPreferences'] : {};
  return categories.every((category) => Object.hasOwn(given, category) && given[category] === true);
}
