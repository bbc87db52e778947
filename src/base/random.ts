import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** The only door to chance, so that simulations can replay a seed. */
export interface Random {
  bytes(count: number): Uint8Array;
  uuid(): string;
  /** An integer in [0, bound). */
  below(bound: number): number;
}

export const systemRandom: Random = {
  bytes: (count) => randomBytes(count),
  uuid: () => randomUUID(),
  below: (bound) => randomInt(bound),
};
