/**
 * Rows that the contract refused, over all batches of a run. The tally calls it to hold their share to the pipeline's
 * limit before anything is published; the manifest's activity calls it to write them to datasets beside the entities.
 */

import { readBatch, type Tally } from '../documents/batch-blob.ts';
import type { Plan } from '../documents/documents.ts';
import type { Manifest } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { readTable } from '../parquet/table.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { output } from '../storage/names.ts';
import { joinTables } from './contract/quarantine.ts';
import { joinRejectedRows } from './contract/rejected-rows.ts';

/** Throws `TooManyRejected` where the refused rows' share is above the pipeline's limit, and shows one of them. */
export async function checkRejected(environment: Environment, pipeline: CompiledPipeline, tally: Tally): Promise<void> {
  const { rejected } = tally;
  const total = rejected.reduce((sum, rows) => sum + rows, 0);
  if (total <= pipeline.maxRejected * tally.rows) return;
  const batch = rejected.findIndex((rows) => rows > 0);
  const { name, bytes } = await readBatch(environment, pipeline, tally, batch, 'rejected');
  const list = readTable(bytes, name);
  const first = (column: string) => textAt(list, column);
  const share = `${total} of ${tally.rows} rows were refused, above the share of ${pipeline.maxRejected}`;
  throw new OrdinalError(
    'TooManyRejected',
    `${share}; the first: column "${first('column')}" holds ${first('value') ?? 'null'}: ${first('reason')}`,
    {
      where: { pipeline: pipeline.name, blob: first('blob')!, column: first('column')!, row: rowOf(list) },
      remedy: 'Correct the source or the row contract, or raise maxRejected.',
    },
  );
}

function textAt(list: ReturnType<typeof readTable>, name: string): string | undefined {
  const column = list.columns.find((candidate) => candidate.name === name);
  if (column?.values.kind !== 'bytes' || column.valid?.[0] === 0) return undefined;
  const { data, offsets } = column.values;
  return Buffer.from(data.subarray(offsets[0], offsets[1])).toString('utf8');
}

function rowOf(list: ReturnType<typeof readTable>): number {
  const column = list.columns.find((candidate) => candidate.name === 'row');
  return column?.values.kind === 'int64' ? Number(column.values.data[0]) : 0;
}

/** Writes what a run refused: values and rows. Done again, it writes the same bytes. Undefined when no row was refused. */
export async function publishRejected(
  environment: Environment,
  plan: Plan,
  pipeline: CompiledPipeline,
  tally: Tally,
): Promise<Manifest['rejected']> {
  const { store, config } = environment;
  const { rejected } = tally;
  const rows = rejected.reduce((sum, count) => sum + count, 0);
  if (rows === 0) return undefined;
  const batches = rejected.flatMap((count, batch) => (count > 0 ? [batch] : []));
  const partOf = (part: 'rejected' | 'rejectedRows') =>
    mapBounded(batches, config.requestsInFlight, (batch) => readBatch(environment, pipeline, tally, batch, part));
  const write = (name: string, bytes: Uint8Array) =>
    store.write(pipeline.output.container, name, bytes, { contentType: 'application/vnd.apache.parquet' });
  const options = {
    codec: plan.codec,
    plain: pipeline.readers === 'parquetjs-lite',
    keyValues: { 'ordinal.run': plan.runId, 'ordinal.pipeline': pipeline.name },
  };
  const [blob, sourceRows] = [output.quarantine(pipeline, plan), output.rejectedRows(pipeline, plan)];
  const lines = joinTables(await partOf('rejected'), options);
  await write(blob, lines.bytes);
  const whole = joinRejectedRows(await partOf('rejectedRows'), pipeline.contract, options);
  invariant(whole.rows === rows, 'each refused row is kept once');
  await write(sourceRows, whole.bytes);
  const leftOut = whole.leftOut.slice(0, limits.leftOutColumnsMax);
  return { rows, lines: lines.rows, blob, sourceRows, ...(leftOut.length > 0 && { leftOut }) };
}
