/** Drives the runs of a scenario and holds what was published against the reference. */
import assert from 'node:assert/strict';
import { publishedManifests } from '../../../src/documents/manifests.ts';
import { limits } from '../../../src/limits.ts';
import type { CompiledPipeline } from '../../../src/pipeline/compiled.ts';
import { readKeyBook, States, verifyRun } from '../../../src/verify/verify.ts';
import { randomOf } from '../../parquet/support/random.ts';
import { checkFooter } from '../../support/footer-oracle.ts';
import { underLimits } from '../../support/limits.ts';
import { type DriveOptions, Engine, takeRanges } from './drive.ts';
import type { DuckReader } from './reader.ts';
import { type Known, type OutRow, type Row, reference, type Take } from './reference.ts';
import { rewriteWith } from './rewriters.ts';
import { pipelineOf, type Scenario, sourceColumns } from './scenarios.ts';
import { poolsOf, type SourceFile, writeSource } from './sources.ts';

/** The files of each run of a scenario. */
export async function filesOf(scenario: Scenario, duck: DuckReader): Promise<SourceFile[][]> {
  const random = randomOf(scenario.seed);
  const columns = sourceColumns(scenario.columns, scenario.quarantine);
  // DuckDB, Polars and parquetjs-lite write 0 and -0 as one value.
  const kept = (raw: unknown) => (scenario.writer !== 'own' && raw === 0 ? 0 : raw);
  const pools = poolsOf(columns, random).map((pool) => pool.map(kept));
  const runs: SourceFile[][] = [];
  for (const shapes of scenario.runs) {
    const files: SourceFile[] = [];
    for (const [f, shape] of shapes.entries()) {
      const others = scenario.writer !== 'own';
      // The other engines do not read Hadoop's framing of LZ4, nor all that we read; and they believe ARROW:schema.
      const codec = shape.codec === 'LZ4' && others ? 'SNAPPY' : shape.codec;
      const habit = others && shape.habit && !shape.habit.startsWith('spark') ? 'hive' : shape.habit;
      const mixed = scenario.mixed && scenario.writer === 'own';
      // One file of each run has the widest types: a key keeps its type from run to run.
      const variant = mixed && f === 0 ? 0 : shape.variant;
      const write = async (by: typeof habit): Promise<SourceFile> => {
        const { bytes, rows } = writeSource(columns, pools, { ...shape, codec, habit: by, mixed, variant }, random);
        return { bytes: await rewriteWith(scenario.writer, bytes, duck), rows };
      };
      files.push(
        await write(habit).catch((thrown) => {
          // Hive gives no dictionary to pages of nulls before it falls back: we read that, and others do not.
          if (!others || !/dictionary/i.test(String(thrown))) throw thrown;
          return write(undefined);
        }),
      );
    }
    runs.push(files);
  }
  return runs;
}

export interface Outcome {
  engine: Engine;
  /** By run and entity: the rows that must have been published. */
  expected: Map<string, OutRow[]>[];
}

/** Runs all of a scenario. */
export async function runScenario(
  scenario: Scenario,
  runs: SourceFile[][],
  options: DriveOptions = {},
): Promise<Outcome> {
  const pipeline = pipelineOf(scenario);
  const { batchRows, partRows, rangeMax } = scenario;
  const engine = new Engine(pipeline, { batchRows, partRows, rangeMax, ...options });
  const expect = referenceOf(pipeline, rangeMax);
  const expected: Map<string, OutRow[]>[] = [];
  for (const [r, files] of runs.entries()) {
    for (const [f, file] of files.entries()) await engine.upload(`in/${r}/${f}.parquet`, file.bytes);
    await underLimits({ heldBlockBytesMax: scenario.heldMax ?? limits.heldBlockBytesMax }, () =>
      engine.run(`run${r}`, `in/${r}/`),
    );
    const accepted = (row: Row) => refusedColumns(pipeline, row).length === 0;
    expected.push(expect(files.flatMap((file) => file.rows.filter(accepted))));
  }
  return { engine, expected };
}

/** The columns of a row that the contract refuses. */
export function refusedColumns(pipeline: CompiledPipeline, row: Row): string[] {
  return pipeline.contract
    .filter(({ name, nullable }) => row[name]?.refused || (row[name] === null && !nullable))
    .map(({ name }) => name);
}

/** The reference over the runs of one pipeline, with a counting sequence of its own. */
export function referenceOf(pipeline: CompiledPipeline, rangeMax?: number): (rows: Row[]) => Map<string, OutRow[]> {
  const known: Known = new Map();
  const next = new Map<string, bigint>();
  const take: Take = (name, count) => {
    const { start, step } = pipeline.sequences.find((sequence) => sequence.name === name)!;
    const ranges = takeRanges(next, name, BigInt(start), BigInt(step), count, rangeMax);
    return ranges.flatMap((range) =>
      Array.from({ length: Number(range.count) }, (_, i) => BigInt(range.first) + BigInt(i) * BigInt(step)),
    );
  };
  return (rows) => reference(pipeline, rows, known, take);
}

/** The command `verify`, which reads sources and outputs again in its own way, has nothing to say. */
async function checkByVerify({ environment }: Engine): Promise<void> {
  const all = await publishedManifests(environment);
  const book = await readKeyBook(environment, all);
  const states = new States(environment, all);
  for (const manifest of all) {
    const { findings, compared } = await verifyRun(environment, manifest, all, book, { states });
    assert.deepEqual([findings, compared], [[], manifest.source.rows], `verify ${manifest.runId}`);
  }
}

/**
 * Reads every published file and compares it with the reference, and its footer with what it holds. `view` may send the bytes through another engine, and
 * `as` blur what that engine does not tell apart.
 */
export async function checkOutcome(
  { engine, expected }: Outcome,
  duck: DuckReader,
  view: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
  as: (text: string | null) => string | null = (text) => text,
): Promise<void> {
  await checkByVerify(engine);
  for (const [r, entities] of expected.entries()) {
    for (const { name, columns } of engine.pipeline.entities) {
      const rows: OutRow[] = [];
      for (const file of engine.published(name, `run${r}-`)) {
        await checkFooter(file.bytes, file.name);
        const read = await duck.read(view(file.bytes));
        assert.deepEqual(
          read.names,
          columns.map((column) => column.name),
          `columns of ${file.name}`,
        );
        for (const row of read.rows) rows.push(row.map(as));
      }
      const wanted = entities.get(name)!.map((row) => row.map(as));
      assert.deepEqual(rows, wanted, `rows of ${name} in run ${r}`);
    }
  }
}
