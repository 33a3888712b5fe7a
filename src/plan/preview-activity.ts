/** Activity `preview`: the first rows of every entity, from the first source rows. Writes nothing but the preview. */

import type { Plan, PlanRef, Preview } from '../documents/documents.ts';
import { planRefSchema } from '../documents/documents.ts';
import { loadPlan } from '../documents/load.ts';
import { loadFiles } from '../documents/source-files.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeChunk, reader } from '../parquet/index.ts';
import type { ContractColumn } from '../pipeline/compiled.ts';
import { withAbsent } from '../source/absent-columns.ts';
import { leafOf, readFooter, readRanges } from '../source/source-file.ts';
import { writeJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';
import { previewRows, type SourceRow } from './preview-rows.ts';

export const previewRun = defineActivity({ name: 'previewRun', input: planRefSchema, work: previewActivity });

async function previewActivity(environment: Environment, ref: PlanRef): Promise<{ rows: number }> {
  const { plan, pipeline } = await loadPlan(environment, ref);
  const first = plan.batches[0];
  const source = first ? await firstRows(environment, pipeline, plan, first) : [];
  const refused = source.flatMap((row, r) => (row.ok ? [] : [`row ${r}, column ${row.column}: ${row.reason}`]));
  const preview: Preview = {
    sourceRows: source.length,
    entities: previewRows(pipeline, source, limits.previewRowsMax),
    note:
      refused.length === 0
        ? 'sequence+n stands for the n-th ID that the sequence would give next to new rows, counted from 0.'
        : `The contract refuses ${refused.length} of these source rows: ${refused.slice(0, 5).join('; ')}`,
  };
  await writeJson(environment.store, environment.config.workContainer, work.preview(ref), preview);
  return { rows: source.length };
}

/** The first rows of the first row group, held to the contract. */
async function firstRows(
  environment: Environment,
  pipeline: { contract: ContractColumn[]; source: { container: string } },
  plan: Plan,
  batch: Plan['batches'][number],
): Promise<SourceRow[]> {
  const [file] = await loadFiles(environment, plan, plan.files, batch.file, batch.file + 1);
  invariant(file, 'a batch has a file');
  const meta = withAbsent(await readFooter(environment.store, pipeline.source.container, file), pipeline.contract);
  const group = meta.rowGroups.findIndex(({ rows }, g) => g >= batch.from && rows > 0);
  const { chunks, rows } = meta.rowGroups[group]!;
  const count = Math.min(rows, limits.previewSourceRowsMax);
  const columns: ((row: number) => { value: unknown } | { reason: string })[] = [];
  // One column at a time: a row group may be large, and only its beginning is kept.
  for (const contract of pipeline.contract) {
    const leaf = leafOf(meta, contract.name, file.blob);
    const chunk = chunks[leaf.ordinal]!;
    const [bytes] = await readRanges(environment.store, pipeline.source.container, file, [chunk]);
    const where = { blob: file.blob, rowGroup: group, column: contract.name };
    const column = decodeChunk(bytes!, chunk, leaf, rows, where);
    const read = reader(leaf.type, contract.input);
    const values = Array.from({ length: count }, (_, row) => {
      if (column.form === 'dictionary') {
        return column.indices[row]! < 0 ? null : read(column.dictionary, column.indices[row]!);
      }
      return column.valid !== undefined && column.valid[row] === 0 ? null : read(column.values, row);
    });
    columns.push((row) => held(contract, values[row]));
  }
  return Array.from({ length: count }, (_, row) => {
    const values = new Map<string, unknown>();
    for (const [c, contract] of pipeline.contract.entries()) {
      const result = columns[c]!(row);
      if ('reason' in result) return { ok: false, column: contract.name, reason: result.reason };
      values.set(contract.name, result.value);
    }
    return { ok: true, values };
  });
}

function held(contract: ContractColumn, value: unknown): { value: unknown } | { reason: string } {
  if (value === null || value === undefined) return contract.nullable ? { value: null } : { reason: 'is null' };
  if (!contract.active) return { value };
  const parsed = contract.parse(value);
  return parsed.ok ? { value: parsed.value } : { reason: parsed.reason };
}
