#!/usr/bin/env node
/** The `millrace` command: src/cli/main.ts under Node 24, in the caller's folder. */
import { run } from '../scripts/run.mjs';

run('src/cli/main.ts', process.argv.slice(2));
