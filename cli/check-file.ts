/**
 * Checks whether a Parquet file on this machine fits a pipeline's contract, by the engine's own plan and split. The command
 * `pipelines check` calls it. Every column at fault is named, and every value is looked at. It writes nothing.
 */
import path from 'node:path';
import { readBatch } from '../src/documents/batch-blob.ts';
import { loadPlan, loadTally } from '../src/documents/load.ts';
import { parseConfig } from '../src/environment/config.ts';
import type { Environment } from '../src/environment/environment.ts';
import { fromErrorValue, OrdinalError } from '../src/errors.ts';
import { typeText } from '../src/parquet/logical.ts';
import type { CompiledPipeline } from '../src/pipeline/compiled.ts';
import { planRun } from '../src/plan/activity.ts';
import { Shapes, summarizeFile } from '../src/plan/summarize-file.ts';
import { readFooter } from '../src/source/source-file.ts';
import { splitBatch } from '../src/split/activity.ts';
import { CheckStore } from './check-store.ts';
import { parquetRows } from './parquet-rows.ts';

/** A source column held to the contract, by the footer alone. */
export interface ColumnReport {
  column: string;
  /** Type in the file; null when it has no such column. */
  type: string | null;
  readAs: string;
  /** What is wrong, and what to do; null when nothing is. */
  fault: string | null;
}

/** What is refused in one column for one reason. */
interface Refusal {
  column: string;
  reason: string;
  values: number;
  /** 0-based row of the first one, and its value as a text. */
  firstRow: number;
  firstValue: string | null;
}

export interface CheckReport {
  file: string;
  pipeline: string;
  fits: boolean;
  rows: number;
  columns: ColumnReport[];
  /** Rows that the contract refuses; null when columns are at fault, so that no value was read. */
  refusedRows: number | null;
  refusals: Refusal[];
  /** Set when the file cannot be read at all. */
  error: string | null;
}

const RUN = { runId: 'check', life: 1 };

/** Checks one file against one pipeline. */
export async function checkFile(
  pipeline: CompiledPipeline,
  file: string,
  onBatch: (done: number, total: number) => void = () => {},
): Promise<CheckReport> {
  // Refused rows are collected, so that all of them are said and not only the first. A bad file is said, not set aside.
  const { badFiles: _, ...whole } = pipeline;
  const lenient: CompiledPipeline = { ...whole, onInvalid: 'quarantine', maxRejected: 1 };
  const store = new CheckStore(pipeline.source.container);
  const blob = `${pipeline.source.prefix}${path.basename(file).replace(/\.[^.]*$/, '')}${pipeline.source.suffix}`;
  const report: CheckReport = {
    file,
    pipeline: pipeline.name,
    fits: false,
    rows: 0,
    columns: [],
    refusedRows: null,
    refusals: [],
    error: null,
  };
  try {
    await store.add(blob, file);
    // The defaults of every setting; no storage account is ever asked.
    const config = parseConfig({ AzureWebJobsStorage: 'UseDevelopmentStorage=true' });
    const environment: Environment = { store, config, pipelines: new Map([[pipeline.name, lenient]]) };
    Object.assign(report, await checkColumns(environment, lenient, blob));
    if (report.columns.some(({ fault }) => fault !== null)) return report;
    const { refused, refusals } = await checkValues(environment, lenient, blob, onBatch);
    const allowed = pipeline.onInvalid === 'fail' ? 0 : pipeline.maxRejected * report.rows;
    return { ...report, refusedRows: refused, refusals, fits: refused <= allowed };
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError)) throw thrown;
    if (thrown.code === 'SourceEmpty') throw thrown;
    return {
      ...report,
      error: `${thrown.code}: ${sentences(thrown).replaceAll(blob, file)}`,
    };
  } finally {
    await store.close();
  }
}

/** What is wrong, and what to do. */
function sentences({ message, remedy = '' }: OrdinalError): string {
  return `${message.replace(/\.?$/, '.')} ${remedy}`.trim();
}

/** Each column of the contract by itself, so that every fault is named. */
async function checkColumns(
  { store }: Environment,
  pipeline: CompiledPipeline,
  blob: string,
): Promise<Pick<CheckReport, 'rows' | 'columns'>> {
  const item = await store.head(pipeline.source.container, blob);
  const pinned = { blob, etag: item!.etag, size: item!.size };
  const meta = await readFooter(store, pipeline.source.container, pinned);
  const columns = pipeline.contract.map((contract): ColumnReport => {
    const leaf = meta.leaves.find(({ name }) => name === contract.name);
    const known = { column: contract.name, type: leaf ? typeText(leaf.type) : null, readAs: contract.input };
    try {
      summarizeFile({ ...pipeline, contract: [contract] }, pinned, meta, new Shapes());
      return { ...known, fault: null };
    } catch (thrown) {
      if (!(thrown instanceof OrdinalError)) throw thrown;
      return { ...known, fault: sentences(thrown) };
    }
  });
  return { rows: meta.rows, columns };
}

/** Every value, by the engine's own plan and split. */
async function checkValues(
  environment: Environment,
  pipeline: CompiledPipeline,
  blob: string,
  onBatch: (done: number, total: number) => void,
): Promise<{ refused: number; refusals: Refusal[] }> {
  const input = { ...RUN, pipeline: pipeline.name, prefix: blob };
  const planned = await planRun.run(environment, input);
  if (!planned.ok) throw fromErrorValue(planned.error);
  const loaded = await loadPlan(environment, RUN);
  const batches = loaded.plan.batches.length;
  for (let batch = 0; batch < batches; batch++) {
    onBatch(batch, batches);
    const split = await splitBatch.run(environment, { ...RUN, batch });
    if (!split.ok) throw fromErrorValue(split.error);
  }
  onBatch(batches, batches);
  const tally = await loadTally(environment, loaded);
  const refusals = new Map<string, Refusal>();
  for (const [batch, rows] of tally.rejected.entries()) {
    if (rows > 0) await addRefusals(environment, pipeline, tally, batch, refusals);
  }
  const byNumber = [...refusals.values()].sort((a, b) => b.values - a.values);
  return { refused: tally.rejected.reduce((sum, rows) => sum + rows, 0), refusals: byNumber };
}

async function addRefusals(
  environment: Environment,
  pipeline: CompiledPipeline,
  tally: Awaited<ReturnType<typeof loadTally>>,
  batch: number,
  refusals: Map<string, Refusal>,
): Promise<void> {
  const { name, bytes } = await readBatch(environment, pipeline, tally, batch, 'rejected');
  for (const { row, column, value, reason } of parquetRows(bytes, name).rows) {
    const key = JSON.stringify([column, reason]);
    const known = refusals.get(key);
    if (known) known.values++;
    else {
      refusals.set(key, {
        column: String(column),
        reason: String(reason),
        values: 1,
        firstRow: Number(row),
        firstValue: value === null || value === undefined ? null : String(value),
      });
    }
  }
}
