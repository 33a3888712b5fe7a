/**
 * Columns of which a footer does not say whether they hold values. A writer gives a column of nulls alone any type, so
 * where such a type fits neither the contract nor the other files, the pages decide: their levels are read. The plan
 * activity calls it. Where types fit, nothing is read.
 */
import { setAsideFor } from '../documents/bad-files.ts';
import type { FileColumn, FileShape, SourceFile } from '../documents/source-files.ts';
import type { Environment } from '../environment/environment.ts';
import { decodeValidity } from '../parquet/decode-levels.ts';
import { compatible } from '../parquet/logical.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn } from '../pipeline/compiled.ts';
import { leafOf, readFooter, readRanges } from '../source/source-file.ts';
import { widest } from '../source/widen.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { badFile, checkKind, Shapes } from './summarize-file.ts';

/** The files, with `empty` where the pages of a column whose type does not fit hold nulls alone. */
export async function settleNullColumns(
  environment: Environment,
  pipeline: CompiledPipeline,
  files: readonly SourceFile[],
): Promise<readonly SourceFile[]> {
  const shapes = [...new Set(files.map(({ shape }) => shape))];
  const open = pipeline.contract.map((contract, c) => misfits(contract, c, shapes));
  if (open.every((of) => of.size === 0)) return files;
  const known = new Shapes();
  return await mapBounded(files, environment.config.requestsInFlight, async (file) => {
    if (!open.some((of) => of.has(file.shape))) return file;
    try {
      const columns = await Promise.all(
        file.shape.columns.map(async (column, c): Promise<FileColumn> => {
          if (!open[c]!.has(file.shape)) return column;
          const { type, optional } = column;
          const contract = pipeline.contract[c]!;
          if (await holdsNulls(environment, pipeline.source.container, file, contract))
            return { type, optional, empty: true };
          checkKind(contract, { type, blob: file.blob });
          return { type, optional };
        }),
      );
      return { ...file, shape: known.one({ ...file.shape, columns }) };
    } catch (thrown) {
      const bad = setAsideFor(pipeline, thrown);
      if (!bad) throw thrown;
      return badFile(pipeline, file, bad, known);
    }
  });
}

/** The shapes whose column may hold nulls alone, where the types of all shapes do not go together. */
function misfits(contract: ContractColumn, c: number, shapes: readonly FileShape[]): Set<FileShape> {
  const unsure = shapes.filter(({ columns }) => columns[c]!.unsure);
  if (unsure.length === 0) return new Set();
  const types = shapes.flatMap(({ columns }) => (columns[c]!.empty ? [] : [columns[c]!.type]));
  const fits = types.every((type) => compatible(type, contract.input) === true);
  const wide = types.reduce<ColumnType | undefined>((all, type) => all && widest(all, type), types[0]);
  return new Set(fits && wide ? [] : unsure);
}

async function holdsNulls(
  { store }: Environment,
  container: string,
  file: SourceFile,
  contract: ContractColumn,
): Promise<boolean> {
  const meta = await readFooter(store, container, file);
  const leaf = leafOf(meta, contract, file.blob);
  for (const [rowGroup, { rows, chunks }] of meta.rowGroups.entries()) {
    if (rows === 0) continue;
    const chunk = chunks[leaf.ordinal]!;
    const [bytes] = await readRanges(store, container, file, [chunk]);
    const where = { blob: file.blob, rowGroup, column: contract.name };
    const { nulls } = decodeValidity({ bytes: bytes!, meta: chunk, leaf, rows }, where);
    if (nulls < rows) return false;
  }
  return true;
}
