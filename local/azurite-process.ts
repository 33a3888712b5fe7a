/** Runs Azurite in this process, as a child of `startAzurite`; it ends when its parent does. */
import { createRequire } from 'node:module';
import { endWithParent } from './child.ts';

const release = endWithParent();
// Azurite closes its servers on SIGTERM; the life line must not keep the process after that.
process.once('SIGTERM', release);
createRequire(import.meta.url)('azurite/dist/src/azurite.js');
