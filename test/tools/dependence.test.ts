import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';
import { breach, breaches, importsOf } from '../../tools/dependence.ts';

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
    ].join('\n');
    assert.deepEqual(
      importsOf(text).map(({ specifier, typeOnly }) => `${typeOnly ? 'type ' : ''}${specifier}`),
      ['./a.ts', 'type ./b.ts', './c.ts', './d.ts', './e.ts', './f.ts', './g.ts'],
    );
  });

  it('refuses what points the wrong way', () => {
    const wrong: [string, string][] = [
      ['src/parquet/page.ts', '../split/batch.ts'],
      ['src/split/batch.ts', '../run/plan.ts'],
      ['src/keys/merge.ts', '../parquet/pages.ts'],
      ['src/sequence/reducer.ts', '../run/plan.ts'],
      ['src/plan/plan.ts', '../../local/main.ts'],
      ['functions/http.ts', '../local/main.ts'],
      ['local/engine/start.ts', '../../src/errors.ts'],
      ['src/plan/plan.ts', 'durable-functions'],
    ];
    for (const [file, specifier] of wrong) assert.ok(breach(file, one(specifier)), `${file} imports ${specifier}`);
  });

  it('allows what points the right way', () => {
    const right: [string, string, boolean?][] = [
      ['src/split/batch.ts', '../parquet/page.ts'],
      ['src/split/batch.ts', '../pipeline/pipeline.ts'],
      ['src/plan/plan.ts', '../split/batch.ts'],
      ['src/sequence/reducer.ts', '../errors.ts'],
      ['src/keys/merge.ts', '../parquet/types.ts'],
      ['src/keys/merge.ts', '../parquet/table.ts'],
      ['functions/http.ts', '@azure/functions'],
      ['src/sequence/adapter.ts', 'durable-functions'],
      ['src/run/orchestrator.ts', 'durable-functions', true],
      ['local/worker/load.ts', '@azure/functions'],
    ];
    for (const [file, specifier, typeOnly] of right) assert.equal(breach(file, one(specifier, typeOnly)), undefined);
  });

  it('holds in this repository', async () => {
    assert.deepEqual(await breaches(fileURLToPath(new URL('../..', import.meta.url))), []);
  });
});
