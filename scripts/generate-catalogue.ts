/**
 * Writes the catalogue of Segment's destinations that the product reads. Run it after an upgrade
 * of @segment/action-destinations: `node scripts/run.mjs scripts/generate-catalogue.ts`.
 */
import { writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { CATALOGUE_PATH } from '../src/destinations/segment-actions/catalogue.ts';
import { makeCatalogue } from './segment-catalogue.ts';

const text = Buffer.from(JSON.stringify(makeCatalogue()));
const params = {
  [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
  [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
};
const bytes = brotliCompressSync(text, { params });
writeFileSync(CATALOGUE_PATH, bytes);
process.stdout.write(`${CATALOGUE_PATH}: ${text.length} bytes, ${bytes.length} compressed\n`);
