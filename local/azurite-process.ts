/** Runs Azurite in this process, as a child of `startAzurite`; it ends when its parent does, and saves before that. */
import { createRequire } from 'node:module';
import { endWithParent } from './child.ts';

const require = createRequire(import.meta.url);

/** Azurite writes its index of blobs every five seconds: what a dying Azurite forgets is made less of here. */
const autosaveIntervalMs = 1_000;
const exitMsMax = 10_000;

interface Loki {
  autosaveInterval: number;
  autosaveEnable(...args: unknown[]): unknown;
}
const { prototype } = createRequire(require.resolve('azurite/dist/src/azurite.js'))('lokijs') as { prototype: Loki };
const { autosaveEnable } = prototype;
prototype.autosaveEnable = function (...args) {
  this.autosaveInterval = autosaveIntervalMs;
  return autosaveEnable.apply(this, args);
};

// Azurite saves and closes its servers on SIGTERM.
const release = endWithParent(() => {
  process.emit('SIGTERM');
  setTimeout(() => process.exit(1), exitMsMax).unref();
});
// The life line must not keep the process after that.
process.once('SIGTERM', release);
require('azurite/dist/src/azurite.js');
