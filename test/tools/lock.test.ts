import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { complete, type Lock, lockFiles, missingEntries } from '../../tools/lock.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the lock file', () => {
  it('is completed with the packages of other platforms', () => {
    const lock: Lock = {
      packages: {
        '': {},
        'node_modules/tool': {
          version: '2.0.0',
          dev: true,
          optionalDependencies: { 'tool-linux-x64-musl': '2.0.0', 'tool-darwin-arm64': '2.0.0', colours: '^1.0.0' },
        },
        'node_modules/tool-darwin-arm64': { version: '2.0.0', dev: true, optional: true },
      },
    };
    const missing = missingEntries(lock);
    assert.deepEqual(missing, {
      'node_modules/tool-linux-x64-musl': {
        version: '2.0.0',
        cpu: ['x64'],
        dev: true,
        libc: ['musl'],
        optional: true,
        os: ['linux'],
      },
    });
    assert.deepEqual(missingEntries(complete(lock)), {});
  });

  const read = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as Lock;

  // The others are installed by a script, which runs with Node 24.
  it('has no native package that npm would leave out under Node 20', async () => {
    const { packages } = await read(lockFiles[0]!);
    const demanding = Object.entries(packages).filter(
      ([, one]) => one.optional && Number(/^>=\s*(\d+)/.exec(one.engines?.node ?? '')?.[1] ?? 0) > 20,
    );
    assert.deepEqual(demanding, []);
  });

  for (const file of lockFiles) {
    const name = file.slice(root.length);

    it(`names every platform, so that npm ci accepts it everywhere: ${name}`, async () => {
      assert.deepEqual(Object.keys(missingEntries(await read(file))), []);
    });
  }
});
