/**
 * Activity `previewRun`: the first rows of every entity, from the first source rows. A dry run calls it after the plan.
 * It writes nothing but the preview.
 */

import type { Plan, PlanRef, Preview } from '../documents/documents.ts';
import { planRefSchema } from '../documents/documents.ts';
import { loadPlan } from '../documents/load.ts';
import { loadFiles } from '../documents/source-files.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeChunk } from '../parquet/index.ts';
import { type Cell, RowInterpreter } from '../pipeline/by-row.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { withAbsent } from '../source/absent-columns.ts';
import { cellsOf } from '../source/row-cells.ts';
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
  await writeJson(environment.store, environment.config.workContainer, work.preview(ref), { version: 1, preview });
  return { rows: source.length };
}

/** The first rows of the first row group, held to the contract. */
async function firstRows(
  environment: Environment,
  pipeline: CompiledPipeline,
  plan: Plan,
  batch: Plan['batches'][number],
): Promise<SourceRow[]> {
  const [file] = await loadFiles(environment, plan, plan.files, batch.file, batch.file + 1);
  invariant(file, 'a batch has a file');
  const { blob } = file;
  const meta = withAbsent(await readFooter(environment.store, pipeline.source.container, file), pipeline.contract);
  const group = meta.rowGroups.findIndex(({ rows }, g) => g >= batch.from && rows > 0);
  const { chunks, rows } = meta.rowGroups[group]!;
  const before = meta.rowGroups.slice(0, group).reduce((sum, other) => sum + other.rows, 0);
  const count = Math.min(rows, limits.previewSourceRowsMax);
  const cells: Cell[][] = [];
  // One column at a time: a row group may be large, and only its beginning is kept.
  for (const contract of pipeline.contract) {
    const leaf = leafOf(meta, contract, blob);
    const chunk = chunks[leaf.ordinal]!;
    const [bytes] = await readRanges(environment.store, pipeline.source.container, file, [chunk]);
    const where = { blob, rowGroup: group, column: contract.name };
    const fetched = { bytes: bytes!, meta: chunk, leaf, rows };
    const cell = cellsOf(decodeChunk(bytes!, chunk, leaf, rows, where), leaf.type, contract, fetched, where);
    cells.push(Array.from({ length: count }, (_, row) => cell(row)));
  }
  const interpreter = new RowInterpreter(pipeline);
  const names = [...pipeline.contract, ...(pipeline.derived ?? [])].map(({ name }) => name);
  return Array.from({ length: count }, (_, row) => {
    const held = interpreter.hold({ cell: (c) => cells[c]![row]!, blob, row: before + row });
    const [refused] = held.refused;
    return refused
      ? { ok: false, ...refused }
      : { ok: true, values: new Map(names.map((name) => [name, held.at(name)])) };
  });
}
