import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { breach, breaches, circles, floors, importsOf } from '../../tools/dependence.ts';

const one = (specifier: string, typeOnly = false): { specifier: string; typeOnly: boolean; line: number } => ({
  specifier,
  typeOnly,
  line: 1,
});

describe('the rule of dependence', () => {
  it('sees every form of import', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      "import { c,\n  d } from './c.ts';",
      "export * from './d.ts';",
      "import './e.ts';",
      "const f = await import('./f.ts');",
      "const g = require('./g.ts');",
      "export const h = 'from ./no.ts';",
      "import { type I, j } from './i.ts';",
      "export type { K } from './k.ts';",
    ].join('\n');
    assert.deepEqual(
      importsOf(text).map(({ specifier, typeOnly }) => `${typeOnly ? 'type ' : ''}${specifier}`),
      ['./a.ts', 'type ./b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts', './i.ts', 'type ./k.ts'],
    );
  });

  it('refuses what points up, or sideways', () => {
    const wrong: [string, string, boolean?][] = [
      ['src/parquet/page.ts', '../split/batch.ts'],
      ['src/split/batch.ts', '../run/leases.ts'],
      ['src/split/batch.ts', '../plan/plan.ts'],
      ['src/keys/merge.ts', '../source/units.ts'],
      ['src/sequence/reducer.ts', '../pipeline/compiled.ts'],
      ['src/sequence/reducer.ts', '../pipeline/compiled.ts', true],
      ['src/errors.ts', './storage/store.ts', true],
      ['src/plan/plan.ts', '../../packages/local-host/src/main.ts'],
      ['src/plan/plan.ts', '../../pipelines/index.ts'],
      ['src/unknown/plan.ts', '../errors.ts'],
      ['functions/http.ts', '../packages/local-host/src/main.ts'],
      ['functions/http.ts', '../pipelines/index.ts'],
      ['src/app.ts', '../pipelines/index.ts'],
      ['cli/given.ts', '../pipelines/index.ts'],
      ['src/registration/http.ts', '../app.ts'],
      ['pipelines/sales.ts', '../src/parquet/index.ts'],
      ['packages/local-host/src/engine/start.ts', '../../../../src/errors.ts'],
      ['src/plan/plan.ts', 'durable-functions'],
      ['cli/main.ts', '@azure/functions'],
    ];
    for (const [file, specifier, typeOnly] of wrong) {
      assert.ok(breach(file, one(specifier, typeOnly)), `${file} imports ${specifier}`);
    }
  });

  it('allows what points down', () => {
    const right: [string, string, boolean?][] = [
      ['src/split/batch.ts', '../parquet/page.ts'],
      ['src/split/batch.ts', './keys/fed-keys.ts'],
      ['src/split/keys/fed-keys.ts', '../../pipeline/pipeline.ts'],
      ['src/run/orchestrator.ts', '../plan/activity.ts'],
      ['src/sequence/reducer.ts', '../errors.ts'],
      ['src/keys/merge.ts', '../parquet/table.ts'],
      ['src/registration/http.ts', '@azure/functions'],
      ['functions/ordinal.ts', '../pipelines/index.ts'],
      ['functions/ordinal.ts', '../src/app.ts'],
      ['pipelines/sales.ts', '../src/pipeline/index.ts'],
      ['src/sequence/adapter.ts', 'durable-functions'],
      ['src/run/orchestrator.ts', 'durable-functions', true],
      ['packages/local-host/src/worker/load.ts', '@azure/functions'],
    ];
    for (const [file, specifier, typeOnly] of right) assert.equal(breach(file, one(specifier, typeOnly)), undefined);
  });

  it('finds circles of files, each once, however long', () => {
    const graph = new Map([
      ['a.ts', ['b.ts', 'd.ts']],
      ['b.ts', ['c.ts']],
      ['c.ts', ['a.ts']],
      ['d.ts', ['c.ts']],
      ['e.ts', ['e.ts']],
    ]);
    assert.deepEqual(circles(graph), [
      ['a.ts', 'b.ts', 'c.ts', 'a.ts'],
      ['e.ts', 'e.ts'],
    ]);
    assert.deepEqual(
      circles(
        new Map([
          ['a.ts', ['b.ts', 'c.ts']],
          ['b.ts', ['c.ts']],
          ['c.ts', []],
        ]),
      ),
      [],
    );
  });

  it('has a floor for every folder of src/, and docs/design.md shows the same table', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const folders = (await readdir(path.join(root, 'src'), { withFileTypes: true })).filter((one) => one.isDirectory());
    const rooms = floors.flat();
    for (const { name } of folders) assert.ok(rooms.includes(`src/${name}`), `src/${name} has no floor`);
    const design = await readFile(path.join(root, 'docs/design.md'), 'utf8');
    const rows = [...design.matchAll(/^\| (\d+) \| ([^|]+) \|/gm)].map(([, floor, names]) => [
      Number(floor),
      [...names!.matchAll(/`([^`]+?)\/?`/g)].map(([, name]) => name),
    ]);
    assert.deepEqual(
      rows,
      floors.map((names, i) => [floors.length - i, [...names]]),
    );
  });

  it('holds in this repository', async () => {
    assert.deepEqual(await breaches(fileURLToPath(new URL('../..', import.meta.url))), []);
  });
});
