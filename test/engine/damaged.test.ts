/**
 * Damaged sources through plan and split: truncated anywhere, or with any bytes changed. Either the values are the
 * right ones (what was hit does not matter to them) or the run fails with a named error and publishes nothing; never a
 * defect of ours, a hang, a value that is not what the bytes say, or a file that DuckDB cannot read.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { checkOutcome, filesOf, runScenario } from './support/check.ts';
import { DuckReader } from './support/reader.ts';
import { type Scenario, scenarios } from './support/scenarios.ts';
import type { FileShape } from './support/sources.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 60);
const named = new Set([
  'NotParquet',
  'TruncatedFile',
  'CorruptFile',
  'UnsupportedFile',
  'MissingColumn',
  'ColumnTypeMismatch',
  'NestedColumn',
  'InvalidValue',
  'LimitExceeded',
]);
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const oneFile: FileShape = {
  rows: 1,
  rowGroup: 1000,
  page: 131_072,
  codec: 'LZ4_RAW',
  modes: ['plain'],
  statistics: false,
  rotate: 0,
  variant: 0,
  extra: true,
  habit: 'spark',
};
const oneValue = { nullShare: 0, distinct: 1 };
/** Found under seed -1373060420: an integer beyond what a number holds, in a column that only a function reads. */
const falseBounds: Scenario = {
  seed: 541313118,
  columns: [
    { kind: 'int64number', nullable: true, ...oneValue },
    { kind: 'float16', nullable: false, ...oneValue },
    { kind: 'stringActive', nullable: false, ...oneValue },
  ],
  entities: [
    { keyed: false, key: [0], own: false, where: null, columns: [{ kind: 4, a: 0, b: 0 }], step: 1 },
    { keyed: false, key: [0], own: false, where: null, columns: [], step: 1 },
  ],
  idEncoding: 'plain',
  runs: [[oneFile]],
  writer: 'own',
  batchRows: 250_000,
  partRows: 5_000_000,
  rangeMax: 1e9,
  heldMax: 65_536,
  mixed: false,
};

async function survives(scenario: Scenario, damage: (bytes: Uint8Array) => Uint8Array): Promise<string> {
  const one = { ...scenario, runs: [scenario.runs[0]!.slice(0, 1)], idEncoding: 'plain' as const };
  const [[file]] = (await filesOf(one, duck)) as [[Awaited<ReturnType<typeof filesOf>>[0][0]]];
  const damaged = { bytes: damage(file!.bytes), rows: file!.rows };
  let splits = false;
  try {
    const { engine } = await runScenario(one, [[damaged]], {
      order(batches) {
        splits = true;
        return batches;
      },
    });
    // What is published, others can read: also what went through without being decoded.
    for (const { name } of engine.pipeline.entities) {
      for (const file of engine.published(name)) await duck.read(file.bytes);
    }
    return 'read';
  } catch (thrown) {
    assert.ok(thrown instanceof OrdinalError, String(thrown));
    assert.ok(named.has(thrown.code), `${thrown.code}: ${thrown.message}`);
    const { blob, rowGroup, column, row } = thrown.where ?? {};
    assert.equal(blob, 'in/0/0.parquet', `${thrown.code}: ${thrown.message}`);
    // What the plan lets pass is found in a chunk, and said of it.
    if (splits) assert.ok(rowGroup !== undefined && column !== undefined, `${thrown.code}: ${thrown.message}`);
    if (splits && thrown.code === 'InvalidValue') assert.ok(row !== undefined, thrown.message);
    return thrown.code;
  }
}

test('a truncated source is refused by name', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), fc.double({ min: 0, max: 0.999, noNaN: true }), async (scenario, share) => {
      const code = await survives(scenario, (bytes) => bytes.subarray(0, Math.floor(bytes.length * share)));
      assert.notEqual(code, 'read');
    }),
    { numRuns },
  );
});

test('a source with changed bytes is refused by name, or read', async () => {
  const change = fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), value: fc.nat({ max: 255 }) });
  const changes = fc.array(change, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), changes, async (scenario, list) => {
      await survives(scenario, (bytes) => {
        const out = bytes.slice();
        for (const { at, value } of list) out[Math.floor(out.length * at)] = value;
        return out;
      });
    }),
    // Bounds that became false, and so "proved" a contract that the values do not keep.
    { numRuns: numRuns * 2, examples: [[falseBounds, [{ at: 0.05967865340474369, value: 32 }]]] },
  );
});

test('one whole source among damaged ones does not save the run', async () => {
  const scenario = fc.sample(scenarios(['own']), { numRuns: 1, seed: 3 })[0]!;
  const shape = { ...scenario.runs[0]![0]!, rows: 20 };
  const two = { ...scenario, runs: [[shape, shape]] };
  const [files] = await filesOf(two, duck);
  const whole = await runScenario(two, [files!]);
  await checkOutcome(whole, duck);
  const cut = { ...files![1]!, bytes: files![1]!.bytes.subarray(0, 200) };
  await assert.rejects(runScenario(two, [[files![0]!, cut]]), {
    code: 'NotParquet',
    where: { blob: 'in/0/1.parquet' },
  });
});
