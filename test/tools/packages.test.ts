/** The manifests of the packages name what their code imports, at the versions of this repository, and carry one version. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { importsOf } from '../../tools/dependence.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}
const manifestOf = async (folder: string) =>
  JSON.parse(await readFile(path.join(root, folder, 'package.json'), 'utf8')) as Manifest;

/** What the monitor page imports is bundled into it, so that nobody installs it. */
const bundled = 'monitor/page/';

/** Packages that the modules of these folders import when they run, without those of Node. */
async function imported(folders: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of folders) {
    for (const name of await readdir(path.join(root, folder), { recursive: true })) {
      if (!name.endsWith('.ts') || name.startsWith(bundled)) continue;
      const text = await readFile(path.join(root, folder, name), 'utf8');
      // Code within comments and texts imports nothing.
      const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
      for (const { specifier, typeOnly } of importsOf(code)) {
        if (typeOnly || /^(\.|node:)|[^\w@./-]/.test(specifier)) continue;
        found.add(
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
      }
    }
  }
  return [...found].sort();
}

describe('the packages', () => {
  const code: Record<string, readonly string[]> = {
    'packages/ordinal': ['src', 'cli'],
    'packages/local-host': ['packages/local-host/src'],
    'packages/create': ['packages/create/src', 'cli/init'],
  };
  // What the app that runs on the host has, and what the Functions worker hands to it.
  const given = ['@azure/functions-core'];
  // Reached through the package that itself depends on it.
  const through: Record<string, string> = { '@azure/functions-extensions-base': '@azure/functions' };

  for (const [folder, folders] of Object.entries(code)) {
    it(`name what their code imports: ${folder}`, async () => {
      const { dependencies = {}, peerDependencies = {} } = await manifestOf(folder);
      const named = Object.keys({ ...dependencies, ...peerDependencies });
      const needed = (await imported(folders))
        .filter((name) => !given.includes(name))
        .map((name) => through[name] ?? name);
      assert.deepEqual(
        [...new Set(needed)].filter((name) => !named.includes(name)),
        [],
        'not named',
      );
      assert.deepEqual(
        Object.keys(dependencies).filter((name) => !needed.includes(name)),
        [],
        'not imported',
      );
    });
  }

  it('have the versions of this repository, and one version of their own', async () => {
    const top = await manifestOf('.');
    for (const folder of Object.keys(code)) {
      const { version, dependencies = {} } = await manifestOf(folder);
      assert.equal(version, top.version, folder);
      for (const [name, range] of Object.entries(dependencies)) {
        const here = top.dependencies?.[name] ?? top.devDependencies?.[name];
        if (here !== undefined) assert.equal(range, here, `${name} of ${folder}`);
      }
    }
  });
});
