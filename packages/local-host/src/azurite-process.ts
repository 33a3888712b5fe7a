/**
 * Runs Azurite in a process of its own, as a child of `startAzurite` (`azurite.ts`). It ends when its parent ends, and
 * saves its data before that. Two of these processes must never use one data folder at the same time: the second one
 * waits, then gives up.
 */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { endWithParent } from './child.ts';

const require = createRequire(import.meta.url);

/**
 * Azurite writes its index of blobs every five seconds. A shorter interval here means that less is lost when it dies.
 */
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

/** An Azurite whose parent was killed may still be saving when the next one starts on its folder. */
const lockMsMax = 10_000;

/** Waits until no other process holds the folder, and then holds it until this process ends in any way. */
function lock(dir: string): DatabaseSync {
  mkdirSync(dir, { recursive: true });
  const db = new DatabaseSync(join(dir, '.lock'));
  for (const waitMs of [0, lockMsMax]) {
    try {
      db.exec(`PRAGMA busy_timeout = ${waitMs}; BEGIN EXCLUSIVE`);
      return db;
    } catch {
      if (waitMs === 0) console.log(`Waiting for the Azurite that uses ${dir} to end.`);
    }
  }
  console.error(`Another Azurite uses the folder ${dir}: stop it, or give another folder (npm start -- --dir DIR).`);
  process.exit(1);
}

const location = process.argv.indexOf('--location');
const held = location < 0 ? undefined : lock(process.argv[location + 1] ?? '');
process.once('exit', () => held?.close());

// The parent that reads its last output may be gone. A failed write must not end the process before it has saved.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

// Azurite saves and closes its servers on SIGTERM.
const release = endWithParent(() => {
  process.emit('SIGTERM');
  setTimeout(() => process.exit(1), exitMsMax).unref();
});
// The life line must not keep the process after that.
process.once('SIGTERM', release);
require('azurite/dist/src/azurite.js');
