/**
 * Damaged sources through plan and split: truncated anywhere, or with any bytes changed. Either the values are the
 * right ones (what was hit does not matter to them) or the run fails with a named error and publishes nothing; never a
 * defect of ours, a hang or a value that is not what the bytes say.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { checkOutcome, filesOf, runScenario } from './support/check.ts';
import { DuckReader } from './support/reader.ts';
import { type Scenario, scenarios } from './support/scenarios.ts';

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

async function survives(scenario: Scenario, damage: (bytes: Uint8Array) => Uint8Array): Promise<string> {
  const one = { ...scenario, runs: [scenario.runs[0]!.slice(0, 1)], idEncoding: 'plain' as const };
  const [[file]] = (await filesOf(one, duck)) as [[Awaited<ReturnType<typeof filesOf>>[0][0]]];
  const damaged = { bytes: damage(file!.bytes), rows: file!.rows };
  let splits = false;
  try {
    await runScenario(one, [[damaged]], {
      order(batches) {
        splits = true;
        return batches;
      },
    });
    return 'read';
  } catch (thrown) {
    assert.ok(thrown instanceof OrdinalError, String(thrown));
    assert.ok(named.has(thrown.code), `${thrown.code}: ${thrown.message}`);
    const { blob, rowGroup, column } = thrown.where ?? {};
    assert.equal(blob, 'in/0/0.parquet', `${thrown.code}: ${thrown.message}`);
    // What the plan lets pass is found in a chunk, and said of it.
    if (splits) assert.ok(rowGroup !== undefined && column !== undefined, `${thrown.code}: ${thrown.message}`);
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
    { numRuns: numRuns * 2 },
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
