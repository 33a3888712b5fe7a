#!/usr/bin/env node
/**
 * The bin of the package: it refuses a Node that is too old, in one line, and is `main.ts` otherwise. npm links it. It must
 * import nothing that an older Node cannot load.
 */
import { oldNode } from './init/old-node.ts';

const refusal = oldNode();
if (refusal === undefined) {
  await import('./main.ts');
} else {
  console.error(refusal);
  process.exitCode = 1;
}
