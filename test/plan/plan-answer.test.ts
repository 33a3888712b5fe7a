/** What the plan tells the orchestration: counts and names of the plan and its pipeline, and nothing that grows. */
import assert from 'node:assert/strict';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { test } from 'vitest';
import { z } from 'zod';
import { loadPlan } from '../../src/documents/load.ts';
import type { PipelineSettings } from '../../src/pipeline/definition.ts';
import { pipeline, registerPipelines, sharedIndex } from '../../src/pipeline/index.ts';
import { planRun } from '../../src/plan/activity.ts';
import { type DriveOptions, Engine } from '../engine/support/drive.ts';
import { shopFile } from '../run/support/shop.ts';

const row = z.object({ customer: z.string(), product: z.string(), quantity: z.int() });
const source = { container: 'landing', prefix: 'in/' };
const lines = (name: string, badFiles: Pick<PipelineSettings, 'onBadFile' | 'maxBadFiles'> = {}) =>
  pipeline({
    name,
    source,
    row: z.object({ quantity: z.int() }),
    ...badFiles,
    entities: ({ id }) => ({ lines: { kind: 'rows', id: id('line_id'), columns: { quantity: 'quantity' } } }),
  });
const all = registerPipelines([
  pipeline({
    name: 'p',
    source,
    row,
    entities: ({ id, ref, nextId }) => ({
      goods: { kind: 'keyed', id: id('good_id', { start: 5, step: 10 }), key: { name: 'product' } },
      people: {
        kind: 'keyed',
        id: id('person_id'),
        key: { name: 'customer' },
        index: sharedIndex('folk'),
        partitions: 1,
        columns: { ticket: nextId('tickets', { start: 1, step: 1 }) },
      },
      lines: {
        kind: 'rows',
        id: id('line_id', { sequence: 'tickets', start: 1, step: 1 }),
        columns: { good_id: ref('goods', { name: 'product' }) },
      },
    }),
  }),
  lines('q', { onBadFile: 'set-aside', maxBadFiles: 0.5 }),
  lines('strict'),
  pipeline({
    name: 'pairs',
    source,
    row: z.object({ left: z.string().nullable(), right: z.string() }),
    entities: ({ id }) => ({
      pairs: { kind: 'keyed', id: id('pair_id'), key: { left: 'left', right: 'right' } },
      rights: { kind: 'keyed', id: id('right_id'), key: { right: 'right' } },
    }),
  }),
]);

/** Three files of 1, 2 and 3 rows; the source has been read before where that is said. */
async function planned(name: string, options: DriveOptions) {
  const engine = new Engine(all.get(name)!, options);
  for (const n of [1, 2, 3]) {
    const rows = Array.from({ length: n }, () => ({ customer: 'ann', product: 'tea', quantity: n }));
    await engine.upload(`in/${n}.parquet`, shopFile(rows));
  }
  return { engine, plan: await engine.plan('r') };
}

test('a plan is told by its counts, its entities and what draws on each sequence', async () => {
  const { plan } = await planned('p', { batchRows: 3, partRows: 3 });
  const { etag, ...told } = plan;
  assert.ok(etag.length > 0);
  const expected = {
    batches: 2,
    rows: 6,
    files: 3,
    parts: 2,
    sealGroups: 2,
    tables: true as const,
    published: null,
    leftOut: { read: 0, pending: 0 },
    rowsEntities: ['lines'],
    keyed: [
      { entity: 'goods', index: 'p.goods', partitions: 1 },
      { entity: 'people', index: 'folk', partitions: 1 },
    ],
    sequences: [
      { name: 'p.goods', start: '5', step: '10', draws: ['goods'] },
      { name: 'folk', start: '1', step: '1', draws: ['people'] },
      { name: 'tickets', start: '1', step: '1', draws: ['people', 'lines'] },
    ],
  };
  assert.deepEqual(told, expected);
  const { plan: short } = await planned('p', { batchRows: 3, partRows: 3, short: true });
  assert.deepEqual({ ...short, etag }, { ...told, etag, short: true });
});

test('where files may be set aside, it is told whether batches share files', async () => {
  // A file of four row groups, of which a batch may take a part.
  const data = { name: 'quantity', data: [1, 2, 3, 4], type: 'INT32' as const, nullable: false };
  const file = new Uint8Array(parquetWriteBuffer({ columnData: [data], rowGroupSize: 1 }));
  const shares = async (name: string, batchRows: number) => {
    const engine = new Engine(all.get(name)!, { batchRows });
    await engine.upload('in/0.parquet', file);
    return (await engine.plan('r')).sharesBadFiles;
  };
  assert.equal(await shares('q', 4), undefined);
  assert.equal(await shares('q', 2), true);
  assert.equal(await shares('strict', 2), undefined);
});

test('of a run that has published, it is told what that was, and of another source its ID is used up', async () => {
  const { engine, plan } = await planned('p', {});
  await engine.run('r');
  const input = { runId: 'r', life: 2, pipeline: 'p', prefix: 'in/', again: true as const };
  const { etag: _, leftOut: _1, ...told } = plan;
  assert.deepEqual(await engine.activity(planRun, input), {
    ...told,
    etag: '',
    batches: 0,
    parts: 0,
    sealGroups: 0,
    published: { manifest: 'p/_manifests/r.json', rows: 6, life: 1 },
  });
  await assert.rejects(engine.activity(planRun, { ...input, prefix: 'in/1' }), { code: 'RunIdConflict' });
});

test('a key with a part that is null throughout brings no key', async () => {
  const engine = new Engine(all.get('pairs')!);
  const columnData = [
    { name: 'left', data: [null, null], type: 'STRING' as const },
    { name: 'right', data: ['a', 'b'], type: 'STRING' as const },
  ];
  await engine.upload('in/0.parquet', new Uint8Array(parquetWriteBuffer({ columnData })));
  await engine.plan('r');
  const { plan } = await loadPlan(engine.environment, { runId: 'r', life: 1 });
  assert.deepEqual(plan.keyless, ['pairs']);
});
