/**
 * Compares what a run published with its source. The pinned blobs are read again, and every value of every column is
 * computed again, row by row, with the pipeline's schemas and functions as they are now. `verify.ts` calls it. It
 * shares the Parquet reader and the table of type widenings with the engine; it must share nothing with the split.
 */

import type { Manifest } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { readTable, type Table } from '../parquet/table.ts';
import type { CompiledPipeline, RowsEntity } from '../pipeline/compiled.ts';
import { IdMap } from '../sequence/id-map.ts';
import { type Canon, cellReader, shortest, shownCanon } from './canonical-value.ts';
import { ExpectedRows } from './expected.ts';
import type { KeyBook } from './key-book.ts';
import type { Find } from './keyed-values.ts';
import { KeyedValues } from './keyed-values.ts';
import { lostInputs, sourceRows } from './source-rows.ts';
import type { States } from './states.ts';

/** The most findings about values that are reported for one run; more would only repeat the same fault. */
const FINDINGS_MAX = 20;

export interface Compared {
  /** Source rows that were compared; null when they could not be. */
  rows: number | null;
  findings: string[];
  /** What could not be compared, and why. */
  notes: string[];
}

export async function compareWithSource(
  environment: Environment,
  pipeline: CompiledPipeline,
  manifest: Manifest,
  book: KeyBook,
  states: States,
): Promise<Compared> {
  const findings: string[] = [];
  const uncompared = (why: string): Compared => ({ rows: null, findings, notes: [`values not compared: ${why}`] });
  if (pipeline.hash !== manifest.pipelineHash) return uncompared('the pipeline has changed since');
  const lost = await lostInputs(environment, manifest);
  if (lost.length > 0) return uncompared(`${lost.slice(0, 3).join(', ')}${lost.length > 3 ? ', ...' : ''}`);
  let more = 0;
  const find: Find = (text) => {
    if (findings.length < FINDINGS_MAX) findings.push(text);
    else more++;
  };
  const rows = await walk(environment, pipeline, manifest, book, states, find);
  if (more > 0) findings.push(`and ${more} more values that differ from the source`);
  return { rows, findings, notes: [] };
}

async function walk(
  environment: Environment,
  pipeline: CompiledPipeline,
  manifest: Manifest,
  book: KeyBook,
  states: States,
  find: Find,
): Promise<number> {
  const cursors = new Map<string, RowCursor>();
  const keyed: KeyedValues[] = [];
  for (const entity of pipeline.entities) {
    if (entity.kind === 'rows') cursors.set(entity.name, new RowCursor(environment, manifest, entity));
    else keyed.push(await KeyedValues.open(environment, { pipeline, manifest, book, states }, entity, find));
  }
  const refused: string[] = [];
  let rows = 0;
  let refusedRows = 0;
  const left = { keysOnly: 0, unrouted: 0 };
  for await (const source of sourceRows(environment, pipeline, manifest)) {
    const expected = new ExpectedRows(pipeline, book, source);
    for (let row = 0; row < source.rows; row++) {
      rows++;
      for (const column of source.refused.get(row) ?? [])
        refused.push(`${source.blob} row ${source.firstRow + row} ${column}`);
      if (source.refused.has(row)) {
        refusedRows++;
        continue;
      }
      const at = `${source.blob}, row ${source.firstRow + row}`;
      const taking = [...cursors.values()].filter(({ entity }) => expected.passes(entity.where && entity.name, row));
      if (taking.length === 0) left[expected.givesKey(row) ? 'keysOnly' : 'unrouted']++;
      for (const cursor of taking) await cursor.next();
      for (const cursor of taking) cursor.compare(expected, row, at, cursors, find);
      for (const entity of keyed) entity.see(expected, row);
    }
  }
  for (const cursor of cursors.values()) cursor.end(find);
  for (const entity of keyed) entity.end();
  for (const [name, words] of [
    ['keysOnly', 'rows of keys only'],
    ['unrouted', 'unrouted rows'],
  ] as const) {
    const counted = manifest.routing?.[name] ?? left[name];
    if (counted !== left[name]) find(`the manifest counts ${counted} ${words}, but the source has ${left[name]}`);
  }
  if ((manifest.rejected?.rows ?? 0) !== refusedRows)
    find(`the manifest counts ${manifest.rejected?.rows ?? 0} refused rows, but the contract refuses ${refusedRows}`);
  await compareRefused(environment, manifest, refused, find);
  return rows;
}

/** Checks that the quarantine dataset names exactly the values that the contract refuses. */
async function compareRefused({ store }: Environment, manifest: Manifest, refused: string[], find: Find) {
  if (!manifest.rejected) return;
  const { blob } = manifest.rejected;
  const bytes = await store.read(manifest.output.container, blob);
  if (!bytes) return;
  const table = readTable(bytes, blob);
  const [blobAt, rowAt, columnAt] = ['blob', 'row', 'column'].map((name) => cellReader(table, name));
  const text = (cell: Canon | undefined) => (typeof cell === 'string' ? Buffer.from(cell, 'latin1').toString() : cell);
  const lines = Array.from(
    { length: table.rows },
    (_, line) => `${text(blobAt!(line))} row ${rowAt!(line)} ${text(columnAt!(line))}`,
  );
  const wrong = lines.findIndex((line, i) => line !== refused[i]);
  if (wrong >= 0 || lines.length !== refused.length) {
    const at = wrong >= 0 ? wrong : lines.length;
    find(`${blob}: line ${at} is ${lines[at] ?? 'missing'}, but the contract refuses ${refused[at] ?? 'nothing more'}`);
  }
}

/** Reads the rows that a rows entity published, one after the other, file by file. */
class RowCursor {
  readonly entity: RowsEntity;
  readonly #environment: Environment;
  readonly #manifest: Manifest;
  readonly #files: Manifest['entities'][number]['files'];
  readonly #ids: IdMap;
  #file = -1;
  #table: Table | undefined;
  #cells: ((row: number) => Canon | undefined)[] = [];
  #row = -1;
  /** Rows so far. */
  #count = 0;
  #short = false;

  constructor(environment: Environment, manifest: Manifest, entity: RowsEntity) {
    this.#environment = environment;
    this.#manifest = manifest;
    this.entity = entity;
    const published = manifest.entities.find((one) => one.entity === entity.name);
    this.#files = published?.files ?? [];
    this.#ids = new IdMap(published?.ids ?? { step: '1', count: 0, ranges: [] });
  }

  /** Goes to the next published row. */
  async next(): Promise<void> {
    this.#row++;
    this.#count++;
    while (!this.#table || this.#row >= this.#table.rows) {
      const file = this.#files[++this.#file];
      if (!file) {
        this.#short = true;
        return;
      }
      const bytes = await this.#environment.store.read(this.#manifest.output.container, file.blob);
      this.#table = readTable(bytes ?? new Uint8Array(0), file.blob);
      this.#cells = this.entity.columns.map(({ name }) => cellReader(this.#table!, name));
      this.#row = 0;
    }
  }

  /** The own ID of the present row. */
  get id(): Canon {
    return this.#short ? null : shortest(this.#ids.at(this.#count - 1));
  }

  compare(expected: ExpectedRows, row: number, at: string, cursors: ReadonlyMap<string, RowCursor>, find: Find): void {
    if (this.#short) return;
    for (const [c, column] of this.entity.columns.entries()) {
      if (column.kind === 'id') continue;
      const wanted = expected.value(column, row, (entity) => cursors.get(entity)!.id);
      // A file lacks a column of which nothing was known: it is null.
      const got = this.#cells[c]!(this.#row) ?? null;
      if (Object.is(got, wanted)) continue;
      const place = `${this.#files[this.#file]!.blob}: row ${this.#row}, ${column.name}`;
      find(`${place} is ${shownCanon(got)}, but ${shownCanon(wanted)} by the source (${at})`);
    }
  }

  end(find: Find): void {
    const rows = this.#files.reduce((sum, file) => sum + file.rows, 0);
    if (rows !== this.#count) find(`${this.entity.name}: ${rows} rows, but ${this.#count} by the source`);
  }
}
