/**
 * End-user consent as in Segment: a destination mapped to categories receives an event only if the
 * user has consented to all of them. A destination without categories, and an event without a
 * consent object, are not restricted. An empty consent object restricts nothing by itself; beside
 * an integrations object it consents to nothing, by Segment's table. What is there and is no
 * consent object consents to nothing either: it was meant to protect somebody.
 */
import { isAbsent, isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';

/** Segment sends it whatever the preferences say, because it is about them. */
const PREFERENCE_EVENT = 'Segment Consent Preference Updated';

/** @param categories those of the destination. */
export function hasConsent(message: JsonObject, categories: readonly string[]): boolean {
  if (categories.length === 0) return true;
  if (message['type'] === 'track' && message['event'] === PREFERENCE_EVENT) return true;
  const { context, integrations } = message;
  const consent = isObject(context) ? context['consent'] : undefined;
  if (isAbsent(consent)) return true;
  if (!isObject(consent)) return false;
  if (Object.keys(consent).length === 0) return !hasEntries(integrations);
  // A consent object that says nothing of categories consents to none.
  const given = isObject(consent['categoryPreferences']) ? consent['categoryPreferences'] : {};
  return categories.every((category) => Object.hasOwn(given, category) && given[category] === true);
}

/** Every event has an integrations object; most SDKs send it empty, which says nothing. */
function hasEntries(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length > 0;
}
