/** Stands where a secret is; sent back, the secret stays what it is. */
export const MASK = '••••••';
