/**
 * Loaded before a server (`node --import`): its collectors get a disk that lies about durability.
 * The product has no such setting; somebody might use it.
 */
import { registerHooks } from 'node:module';

const FORGETFUL = new URL('./forgetful-system-disk.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isCollector = context.parentURL?.endsWith('/src/collect/collector-thread.ts') ?? false;
    if (isCollector && specifier.endsWith('/base/disk.ts')) {
      return { url: FORGETFUL, shortCircuit: true };
    }
    return nextResolve(specifier, context);
  },
});
