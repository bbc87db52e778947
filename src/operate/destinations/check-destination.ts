/** Whether a destination can be saved: its type, settings, addresses and filters are checked. */
import { MillraceError } from '../../base/errors.ts';
import type { DeclaredDestination } from '../../config/config-schema.ts';
import { parseFilters } from '../../deliver/routing/destination-filters.ts';
import { findDestinationType } from '../../destinations/destination-registry.ts';
import type { Net } from '../../net/net.ts';

/** @throws MillraceError DESTINATION_INVALID or ADDRESS_REFUSED, naming the field. */
export function checkDestination(
  { type, settings, filters }: { type: string; settings: unknown; filters: unknown },
  net: Net,
): void {
  const known = findDestinationType(type);
  if (!known) {
    const message = `type: ${type} is not known; millrace destinations types lists them`;
    throw new MillraceError('DESTINATION_INVALID', message, { field: 'type' });
  }
  known.parseSettings(settings, net);
  parseFilters(filters);
}

/** As `checkDestination`, for the configuration. @throws MillraceError CONFIG_INVALID */
export function checkDeclaredDestinations(
  declared: readonly DeclaredDestination[],
  net: Net,
): void {
  declared.forEach((destination, at) => {
    if (destination.state === 'disabled') return;
    try {
      checkDestination(destination, net);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      const field = `destinations[${at}].${error.field ?? 'settings'}`;
      const message = `${field}: ${error.message}`;
      throw new MillraceError('CONFIG_INVALID', message, { field, cause: error });
    }
  });
}
