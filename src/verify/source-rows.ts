/**
 * Reads the source of a run again, row by row: it decodes the values and checks each one against the contract's schema.
 * `expected.ts` and `values.ts` use it. It is slow and simple on purpose, and must stay so: the split does the same
 * work with dictionaries and proofs, and is checked against this code.
 */

import type { Manifest } from '../documents/documents.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { decodeChunk } from '../parquet/decode.ts';
import { builder, reader, typeText } from '../parquet/logical.ts';
import { writtenType } from '../parquet/readers.ts';
import type { Column, ColumnType, FileMeta, Leaf, Values } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn } from '../pipeline/compiled.ts';
import { withAbsent } from '../source/absent-columns.ts';
import { retypeColumn } from '../source/retype.ts';
import { leafOf, type PinnedBlob, readFooter, readRanges } from '../source/source-file.ts';
import { widenColumn, widest } from '../source/widen.ts';
import { type Canon, canonReader } from './canonical-value.ts';

/** A contract column of some rows: `js` as a pipeline's functions see it, `canon` as it is published unchanged. */
export interface SourceCells {
  js: unknown[];
  canon: Canon[];
}

/** Consecutive rows of a source blob. */
export interface SourceRows {
  blob: string;
  /** Row number, within the blob, of the first row. */
  firstRow: number;
  rows: number;
  cells: ReadonlyMap<string, SourceCells>;
  /** By row: the contract columns that refuse the row, in their order. */
  refused: ReadonlyMap<number, string[]>;
}

/** The inputs of a run that have changed or are gone since it read them. */
export async function lostInputs({ store }: Environment, { source, inputs }: Manifest): Promise<string[]> {
  const lost: string[] = [];
  for (const { blob, etag } of inputs) {
    // The service compares: it writes an ETag in more than one way.
    const first = await store
      .read(source.container, blob, { offset: 0, length: 1, ifMatch: etag })
      .catch(unlessChanged);
    if (first === 'changed') lost.push(`${source.container}/${blob} has changed`);
    else if (!first) lost.push(`${source.container}/${blob} is gone`);
  }
  return lost;
}

function unlessChanged(thrown: unknown): 'changed' {
  if (thrown instanceof OrdinalError && thrown.code === 'SourceChanged') return 'changed';
  throw thrown;
}

/** All rows of a run's inputs, one row group at a time. */
export async function* sourceRows(
  environment: Environment,
  pipeline: CompiledPipeline,
  { source, inputs }: Manifest,
): AsyncIterable<SourceRows> {
  const footer = async (file: PinnedBlob) =>
    withAbsent(await readFooter(environment.store, source.container, file), pipeline.contract);
  const types = new Map<string, ColumnType>();
  for (const file of inputs) {
    const meta = await footer(file);
    for (const { name } of pipeline.contract) {
      const leaf = leafOf(meta, name, file.blob);
      // A column without a value has no say: its writer may have given it any type.
      if (!(await holdsValue(environment, source.container, file, meta, leaf))) continue;
      const known = types.get(name);
      types.set(name, known ? (widest(known, leaf.type) ?? known) : leaf.type);
    }
  }
  for (const file of inputs) {
    const meta = await footer(file);
    let firstRow = 0;
    for (const [g, { rows }] of meta.rowGroups.entries()) {
      const cells = new Map<string, SourceCells>();
      const refused = new Map<number, string[]>();
      const columns = await decodeGroup(environment, pipeline, source.container, file, meta, g);
      for (const [c, contract] of pipeline.contract.entries()) {
        const { column, type } = columns[c]!;
        const wide = types.get(contract.name) ?? contract.emptyType;
        const written = writtenType(wide, contract.input, pipeline.readers) ?? wide;
        const before = firstRow;
        const locate = (row: number) => ({ blob: file.blob, rowGroup: g, column: contract.name, row: before + row });
        const values = retypeColumn(widenColumn(column, type, wide, locate), wide, written, locate);
        const held = holdToContract(contract, values, written, rows);
        cells.set(contract.name, held);
        for (const row of held.refused) refused.set(row, [...(refused.get(row) ?? []), contract.name]);
      }
      if (rows > 0) yield { blob: file.blob, firstRow, rows, cells, refused };
      firstRow += rows;
    }
  }
}

async function holdsValue(
  { store }: Environment,
  container: string,
  file: PinnedBlob,
  meta: FileMeta,
  leaf: Leaf,
): Promise<boolean> {
  for (const [rowGroup, { rows, chunks }] of meta.rowGroups.entries()) {
    const chunk = chunks[leaf.ordinal]!;
    const nulls = leaf.optional ? chunk.statistics?.nullCount : 0;
    if (rows === 0 || nulls === rows) continue;
    if (nulls !== undefined) return true;
    const [bytes] = await readRanges(store, container, file, [chunk]);
    const where = { blob: file.blob, rowGroup, column: leaf.name };
    if (decodeChunk(bytes!, chunk, leaf, rows, where).nulls < rows) return true;
  }
  return false;
}

async function decodeGroup(
  { store }: Environment,
  pipeline: CompiledPipeline,
  container: string,
  file: PinnedBlob,
  meta: FileMeta,
  rowGroup: number,
): Promise<{ column: Column; type: ColumnType }[]> {
  const { chunks, rows } = meta.rowGroups[rowGroup]!;
  const leaves = pipeline.contract.map(({ name }) => leafOf(meta, name, file.blob));
  const bodies = await readRanges(
    store,
    container,
    file,
    leaves.map((leaf) => chunks[leaf.ordinal]!),
  );
  return leaves.map((leaf, c) => {
    const where = { blob: file.blob, rowGroup, column: leaf.name };
    return { column: decodeChunk(bodies[c]!, chunks[leaf.ordinal]!, leaf, rows, where), type: leaf.type };
  });
}

/** Parses each value by its schema. A value that the schema leaves unchanged keeps what JavaScript cannot hold. */
function holdToContract(contract: ContractColumn, column: Column, type: ColumnType, rows: number) {
  const outType = contract.outputType ?? type;
  const retyped = contract.output !== contract.input || typeText(outType) !== typeText(type);
  const read = reader(type, contract.input);
  const canonOf = canonReader(type);
  const js = new Array<unknown>(rows).fill(null);
  const canon = new Array<Canon>(rows).fill(null);
  const refused: number[] = [];
  const build = builder(outType);
  const built: number[] = [];
  const [values, placeOf] = placesOf(column);
  for (let row = 0; row < rows; row++) {
    const i = placeOf(row);
    if (i < 0) {
      if (!contract.nullable) refused.push(row);
      continue;
    }
    try {
      const input = read(values, i);
      const parsed = contract.parse(input);
      if (!parsed.ok) throw new Error(parsed.reason);
      js[row] = parsed.value;
      if (!retyped && same(parsed.value, input)) canon[row] = canonOf(values, i);
      else if (parsed.value !== null && parsed.value !== undefined) {
        build.push(parsed.value);
        built.push(row);
      }
    } catch {
      js[row] = null;
      refused.push(row);
    }
  }
  const made = build.finish().values;
  const canonOfMade = canonReader(outType);
  for (const [i, row] of built.entries()) canon[row] = canonOfMade(made, i);
  return { js, canon, refused };
}

/** A column's values, and where among them a row's is: -1 for null. */
function placesOf(column: Column): [Values, (row: number) => number] {
  if (column.form === 'dictionary') return [column.dictionary, (row) => column.indices[row]!];
  const { valid } = column;
  return [column.values, (row) => (valid !== undefined && valid[row] === 0 ? -1 : row)];
}

function same(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}
