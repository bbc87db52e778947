/** Keys that were made in this tab: they are shown until it is closed, and never again. */
export const freshKeys = new Map<string, string>();
