/**
 * Highest number of a source. The shared rate-limit table has a slot for each, and numbers are
 * never reused, so this bounds how many sources can ever be made.
 */
export const SOURCE_NUMBER_MAX = 65_535;
