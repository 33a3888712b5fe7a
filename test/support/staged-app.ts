/**
 * The app as it is deployed, for tests that start it: a process loads its bundle in half the time of a thousand files. Vitest
 * calls `setup` before tests of the projects that start apps. It must not be older than what was built.
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Its folder. It finds what is installed here. */
export const stagedApp = path.join(root, '.ordinal/staged-app');

const writtenAt = (...file: string[]) => statSync(path.join(...file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** @throws when nothing was built */
export async function setup(): Promise<void> {
  const made = writtenAt(stagedApp, 'package.json');
  const of = [
    'dist/.tsbuildinfo',
    'dist/src/monitor/static',
    'package-lock.json',
    'infra/hooks/stage.mjs',
    'host.json',
  ];
  if (of.every((file) => writtenAt(root, file) < made)) return;
  await promisify(execFile)(process.execPath, [path.join(root, 'infra/hooks/stage.mjs'), stagedApp]);
}
