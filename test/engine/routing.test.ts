/**
 * Where the rows of a mixed feed went, as the manifest counts them: to a rows entity, to a keyed entity alone, or nowhere.
 * DuckDB counts the same by SQL over the source.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { manifestSchema } from '../../src/documents/manifest.ts';
import { pipeline, registerPipelines } from '../../src/pipeline/index.ts';
import { readJson } from '../../src/storage/json.ts';
import { readKeyBook, verifyRun } from '../../src/verify/verify.ts';
import { Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const mixed = pipeline({
  name: 'mixed',
  source: { container: 'landing', prefix: 'in/' },
  row: z.object({ kind: z.string(), code: z.string().nullable(), amount: z.int().max(990) }),
  onInvalid: 'quarantine',
  maxRejected: 1,
  entities: ({ id, ref, where }) => ({
    customers: {
      kind: 'keyed',
      id: id('customer_id'),
      key: { code: 'code' },
      where: where(['kind'], (kind) => kind === 'customer'),
    },
    lines: {
      kind: 'rows',
      id: id('line_id'),
      where: where(['kind'], (kind) => kind === 'line'),
      columns: { customer_id: ref('customers', { code: 'code' }), amount: 'amount' },
    },
    large: {
      kind: 'rows',
      id: id('large_id'),
      where: where(['kind', 'amount'], (kind, amount) => kind === 'line' && amount > 500),
      columns: { amount: 'amount' },
    },
  }),
});

/** Kinds: customers, lines, notes that nothing takes; some customers have no code, and so give no key. */
const source = `
  SELECT ['customer', 'line', 'note'][1 + (i * 7) % 3] AS kind,
         CASE WHEN i % 5 = 0 THEN NULL ELSE 'c' || (i % 40) END AS code,
         ((i * 13) % 1000)::BIGINT AS amount
  FROM range(3000) t(i)`;

test('rows of keys alone are told apart from rows that went nowhere', async () => {
  const compiled = registerPipelines([mixed]).get('mixed')!;
  const engine = new Engine(compiled, { batchRows: 700 });
  await engine.upload('in/a.parquet', await duck.write(source));
  await engine.run('r');
  const manifest = (await readJson(engine.store, 'published', 'mixed/_manifests/r.json', manifestSchema))!;
  const { rows } = await duck.read(
    await duck.write(`
    SELECT count(*) FILTER (kind = 'line')::BIGINT AS routed,
           count(*) FILTER (kind = 'customer' AND code IS NOT NULL)::BIGINT AS keys_only,
           count(*) FILTER (kind = 'note' OR (kind = 'customer' AND code IS NULL))::BIGINT AS unrouted,
           count(*) FILTER (kind = 'line' AND amount > 500)::BIGINT AS repeated
    FROM (${source}) WHERE amount <= 990`),
  );
  const [routed, keysOnly, unrouted, repeated] = rows[0]!.map(Number);
  assert.ok(keysOnly! > 0 && unrouted! > 0 && repeated! > 0);
  assert.deepEqual(manifest.routing, { routed, keysOnly, unrouted, repeated });
  assert.equal(manifest.source.rows, routed! + keysOnly! + unrouted! + manifest.rejected!.rows);
  const book = await readKeyBook(engine.environment, [manifest]);
  assert.deepEqual((await verifyRun(engine.environment, manifest, [manifest], book)).findings, []);
  const wrong = structuredClone(manifest);
  wrong.routing!.keysOnly++;
  wrong.routing!.unrouted--;
  const { findings } = await verifyRun(engine.environment, wrong, [wrong], book);
  assert.equal(findings.filter((text) => /counts \d+ (rows of keys only|unrouted rows)/.test(text)).length, 2);
});
