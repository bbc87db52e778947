import type { Environment } from '../../../../src/store/sources/source-shapes.ts';

export const ENVIRONMENTS: readonly Environment[] = ['production', 'staging', 'development'];
