/** Documents name only what is there: files, headings' files and npm scripts. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { coverageTable } from '../../tools/coverage.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Texts that people follow, by path from the root. */
async function documents(): Promise<Map<string, string>> {
  const folders = ['.', 'docs', '.github', '.github/workflows', '.devcontainer', '.ci', 'src/parquet'];
  const names: string[] = [];
  for (const folder of folders) {
    for (const entry of await readdir(path.join(root, folder), { withFileTypes: true })) {
      const shown = /\.(md|yml|json|sh)$|^run$/.test(entry.name) && !/^(package|tsconfig|biome)/.test(entry.name);
      if (entry.isFile() && shown) names.push(path.posix.join(folder, entry.name));
    }
  }
  assert.ok(names.length > 15);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(root, name), 'utf8')] as const)),
  );
}

describe('documents', async () => {
  const texts = await documents();
  const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { scripts: object };

  it('link to files that are there', () => {
    const dead: string[] = [];
    for (const [name, text] of texts) {
      if (!name.endsWith('.md')) continue;
      for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (!existsSync(path.join(root, path.dirname(name), target!))) dead.push(`${name}: ${target}`);
      }
    }
    assert.deepEqual(dead, []);
  });

  it('name files and folders that are there', () => {
    const ours = /`((?:src|test|tools|functions|infra|\.ci|\.github)\/[\w./-]+?)\/?`/g;
    const dead: string[] = [];
    for (const [name, text] of texts) {
      for (const [, target] of text.matchAll(ours)) {
        if (!existsSync(path.join(root, target!))) dead.push(`${name}: ${target}`);
      }
    }
    assert.deepEqual(dead, []);
  });

  it('name scripts that are there', () => {
    const dead: string[] = [];
    for (const [name, text] of texts) {
      for (const [, script] of text.matchAll(/npm run ([a-z][\w:-]*)/g)) {
        if (!(script! in scripts)) dead.push(`${name}: npm run ${script}`);
      }
    }
    assert.deepEqual(dead, []);
  });
});

it('the table of coverage counts by folder, goes by floors and rounds down', () => {
  const of = (covered: number, total: number) => ({ covered, total });
  const file = (covered: number) => ({ lines: of(covered, 1000), branches: of(0, 0), functions: of(1, 3) });
  const table = coverageTable(
    {
      total: file(1),
      '/r/src/keys/a.ts': file(1000),
      '/r/src/keys/b.ts': file(999),
      '/r/cli/c.ts': file(0),
      '/r/local/d.ts': file(1000),
    },
    '/r',
  );
  assert.deepEqual(table.split('\n').slice(2), [
    '| 15 | cli | 1 | 0% | - | 33% |',
    '| 5 | src/keys | 2 | 99% | - | 33% |',
    '|  | local | 1 | 100% | - | 33% |',
    '|  | all | 4 | 74% | - | 33% |',
  ]);
});
