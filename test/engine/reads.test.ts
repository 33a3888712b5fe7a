/**
 * What is read of a source: only the chunks that a pipeline names, neighbours in one request, always of the version
 * that the plan pinned.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { OrdinalError } from '../../src/errors.ts';
import { parseFooter } from '../../src/parquet/footer-read.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline } from '../../src/pipeline/index.ts';
import { coalesce } from '../../src/source/source-file.ts';
import { randomOf } from '../parquet/support/random.ts';
import { columnKinds } from './support/cells.ts';
import { Engine } from './support/drive.ts';
import { poolsOf, type SourceColumn, writeSource } from './support/sources.ts';

const column = (name: string, kind: string, distinct: number): SourceColumn => ({
  name,
  kind: columnKinds[kind]!,
  nullable: true,
  optional: true,
  nullShare: 0.1,
  distinct,
});
// Unused columns on either side and between, larger than the holes that are bridged.
const columns = [
  column('before', 'string', 5000),
  column('a', 'string', 9),
  column('b', 'int32', 50),
  column('between', 'uuid', 30_000),
  column('c', 'double', 50),
  column('after', 'uuid', 30_000),
];
const shape = {
  rows: 60_000,
  rowGroup: 20_000,
  page: 1000,
  codec: 'UNCOMPRESSED',
  modes: ['plain', 'dictionary', 'dictionary'],
  statistics: true,
  rotate: 0,
  variant: 0,
  extra: false,
} as const;

const definition = compile(
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ a: z.string().nullable(), b: z.int().nullable(), c: z.number().nullable() }),
    entities: ({ id, ref }) => ({
      keys: { kind: 'keyed', id: id('key_id'), key: { a: 'a' } },
      all: { kind: 'rows', id: id('row_id'), columns: { key_id: ref('keys', { a: 'a' }), b: 'b', c: 'c' } },
    }),
  }),
);

function source(): Uint8Array {
  const random = randomOf(5);
  return writeSource(columns, poolsOf(columns, random), { ...shape, modes: [...shape.modes] }, random).bytes;
}

test('only the chunks that the pipeline names are fetched, neighbours together, each once, pinned', async () => {
  const bytes = source();
  const engine = new Engine(definition, { batchRows: 20_000 });
  await engine.upload('in/x.parquet', bytes);
  await engine.run('r');
  const reads = engine.store.reads.filter((read) => read.container === 'landing');
  assert.ok(reads.every((read) => read.pinned));
  const { rowGroups } = parseFooter(bytes, bytes.length, 'x');
  const chunk = (group: number, ordinal: number) => rowGroups[group]!.chunks[ordinal]!;
  const tail = bytes.length - 64 * 1024;
  const fetched = reads.filter((read) => read.offset < tail).map(({ offset, length }) => [offset, length]);
  const expected = [0, 1, 2].flatMap((group) => {
    const [a, b, c] = [1, 2, 4].map((ordinal) => chunk(group, ordinal));
    return [
      [a!.start, b!.start + b!.length - a!.start],
      [c!.start, c!.length],
    ];
  });
  assert.deepEqual(fetched, expected);
});

test('ranges are joined over small holes only, whatever their order, and found again', () => {
  const hole = 64 * 1024;
  const ranges = [
    { start: 5_000_000, length: 10 },
    { start: 100, length: 50 },
    { start: 150 + hole, length: 7 },
    { start: 150 + hole + 7 + hole + 1, length: 3 },
    { start: 110, length: 5 },
  ];
  const { requests, placed } = coalesce(ranges);
  assert.deepEqual(requests, [
    { start: 100, length: 50 + hole + 7 },
    { start: 158 + 2 * hole, length: 3 },
    { start: 5_000_000, length: 10 },
  ]);
  for (const [i, { start }] of ranges.entries()) {
    const { request, offset } = placed[i]!;
    assert.equal(requests[request]!.start + offset, start);
  }
});

async function failure(work: Promise<unknown>): Promise<OrdinalError> {
  const thrown = await work.then(
    () => assert.fail('it went through'),
    (reason: unknown) => reason,
  );
  assert.ok(thrown instanceof OrdinalError, String(thrown));
  return thrown;
}

for (const change of ['replaced', 'deleted'] as const) {
  test(`a source blob that is ${change} during the run fails it by name, and nothing is published`, async () => {
    const engine = new Engine(definition, { batchRows: 20_000 });
    await engine.upload('in/x.parquet', source());
    let landing = 0;
    engine.store.beforeRead = ({ container }) => {
      // The plan's two reads pass; the split's come after.
      if (container !== 'landing' || ++landing !== 4) return;
      if (change === 'deleted') void engine.store.remove('landing', 'in/x.parquet');
      else void engine.store.write('landing', 'in/x.parquet', source());
    };
    const error = await failure(engine.run('r'));
    assert.equal(error.code, 'SourceChanged');
    assert.equal(error.where?.blob, 'in/x.parquet');
    assert.deepEqual(engine.store.names('published'), []);
  });
}
