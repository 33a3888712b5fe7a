/**
 * Compares a keyed entity's published rows with the source: the first and the last row of each key, and the order of
 * the keys. `values.ts` calls it. It changes nothing.
 */

import type { Manifest } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { readTable } from '../parquet/table.ts';
import {
  type CompiledPipeline,
  changeColumns,
  type Feed,
  hasAttributes,
  isAttribute,
  type KeyedEntity,
} from '../pipeline/compiled.ts';
import { type Canon, canonOfJs, cellReader, type KeyText, shortest, shownCanon } from './canonical-value.ts';
import type { ExpectedRows } from './expected.ts';
import { type KeyBook, keyReader } from './key-book.ts';
import { attributesText, type EntityState, type States } from './states.ts';

/** A published row. Its cells are read when they are needed. */
interface PublishedRow {
  file: { blob: string; cells: ReadonlyMap<string, (row: number) => Canon | undefined> };
  row: number;
  /** Place among the keys in the order of the source; -1 until the source names the key. */
  seen: number;
  described: boolean;
}

/** Null also where the file lacks the column: its run knew nothing of it. */
const cellOf = ({ file, row }: PublishedRow, name: string) => file.cells.get(name)?.(row) ?? null;
const placeOf = ({ file, row }: PublishedRow) => `${file.blob}: row ${row}`;

type Rows = Map<KeyText, PublishedRow>;

/** A row of the source that names a key through the entity's own feed: the last one where changes are reported, or the first. */
interface Told {
  attributes: Map<string, Canon>;
  blob: string;
  row: number;
}

const nothingBefore: EntityState = { attributes: new Map(), described: new Set() };

interface Of {
  pipeline: CompiledPipeline;
  manifest: Manifest;
  book: KeyBook;
  states: States;
}

export class KeyedValues {
  readonly #entity: KeyedEntity;
  readonly #feeds: readonly Feed[];
  readonly #of: Of;
  readonly #find: Find;
  readonly #fresh: Rows;
  readonly #known: Rows | undefined;
  readonly #changes: Rows | undefined;
  readonly #before: EntityState;
  readonly #told = new Map<KeyText, Told>();
  readonly #numbered = new Set<KeyText>();
  #seen = 0;

  /** Reads what was published; the source rows follow. Memory grows with the number of keys in the run. */
  static async open(environment: Environment, of: Of, entity: KeyedEntity, find: Find): Promise<KeyedValues> {
    const published = of.manifest.entities.find((one) => one.entity === entity.name);
    const read = (files: Manifest['entities'][number]['files']) => readRows(environment, of.manifest, entity, files);
    return new KeyedValues(of, entity, find, {
      fresh: await read(published?.files ?? []),
      known: entity.publish === 'seen' ? await read(published?.known?.files ?? []) : undefined,
      changes: hasAttributes(entity) ? await read(published?.changes?.files ?? []) : undefined,
      before: hasAttributes(entity) ? await of.states.before(of.manifest, entity) : nothingBefore,
    });
  }

  private constructor(
    of: Of,
    entity: KeyedEntity,
    find: Find,
    rows: { fresh: Rows; known: Rows | undefined; changes: Rows | undefined; before: EntityState },
  ) {
    this.#of = of;
    this.#entity = entity;
    this.#feeds = of.pipeline.feeds.filter((feed) => feed.target === entity.name);
    this.#find = find;
    this.#fresh = rows.fresh;
    this.#known = rows.known;
    this.#changes = rows.changes;
    this.#before = rows.before;
  }

  /** Takes in an accepted source row. */
  see(expected: ExpectedRows, row: number): void {
    for (const { columns, selectedBy, own } of this.#feeds) {
      if (!expected.passes(selectedBy, row)) continue;
      const key = expected.key(columns, row);
      if (key === undefined) continue;
      const at = `${expected.source.blob}, row ${expected.source.firstRow + row}`;
      const published = this.#fresh.get(key) ?? this.#knownRow(key, at);
      if (published && published.seen < 0) published.seen = this.#seen++;
      if (!own) continue;
      if (published && !published.described) {
        published.described = true;
        for (const column of this.#entity.columns.filter(isAttribute)) {
          this.#equal(
            published,
            column.name,
            expected.value(column, row, () => null),
            `by its first row (${at})`,
          );
        }
      }
      if (this.#isToldBy(key)) this.#told.set(key, this.#toldBy(expected, row));
    }
  }

  /** Whether a row that describes a key may be in the changes dataset: any row where changes are reported, or the first. */
  #isToldBy(key: KeyText): boolean {
    if (!this.#changes) return false;
    return this.#entity.onChange === 'report' || !(this.#fresh.has(key) || this.#told.has(key));
  }

  /** The row of a key that is not new; undefined when known keys are not published, or when the row is missing. */
  #knownRow(key: KeyText, at: string): PublishedRow | undefined {
    const row = this.#known?.get(key);
    if (row || this.#numbered.has(key)) return row;
    this.#numbered.add(key);
    const { book, manifest, states } = this.#of;
    const given = book.keys.get(this.#entity.index)?.get(key);
    const told = `${this.#entity.name}: key ${shownCanon(key)} (${at})`;
    if (!given) this.#find(`${told} has no ID`);
    else if (!given.imported && !states.isEarlier(given.runId, manifest))
      this.#find(`${told} has its ID from run ${given.runId}, which is not an earlier run`);
    else if (this.#known) this.#find(`${told} is missing among the published known keys`);
    return undefined;
  }

  #toldBy(expected: ExpectedRows, row: number): Told {
    const { blob, firstRow } = expected.source;
    const attributes = this.#entity.columns
      .filter(isAttribute)
      .map((column) => [column.name, expected.value(column, row, () => null)] as const);
    return { attributes: new Map(attributes), blob, row: firstRow + row };
  }

  #equal(row: PublishedRow, name: string, wanted: Canon, why: string): void {
    const got = cellOf(row, name);
    if (Object.is(got, wanted)) return;
    this.#find(`${placeOf(row)}, ${name} is ${shownCanon(got)}, but ${shownCanon(wanted)} ${why}`);
  }

  /** Checks what can be checked only after all source rows. */
  end(): void {
    for (const rows of [this.#fresh, this.#known]) {
      if (rows) this.#endOf(rows);
    }
    const { book } = this.#of;
    for (const rows of [this.#known, this.#changes]) {
      for (const [key, row] of rows ?? []) {
        const id = book.keys.get(this.#entity.index)?.get(key)?.id;
        if (id === undefined) this.#find(`${placeOf(row)}: key ${shownCanon(key)} has no ID`);
        else this.#equal(row, this.#entity.columns[0]!.name, shortest(id), 'is its ID');
      }
    }
    if (this.#changes) this.#endOfChanges(this.#changes);
  }

  /**
   * Checks that every row's key is in the source, that keys are in first-seen order within each file, and constants.
   */
  #endOf(rows: Rows): void {
    const last = new Map<object, number>();
    for (const [key, row] of rows) {
      if (row.seen < 0) this.#find(`${placeOf(row)}: key ${shownCanon(key)} is in no source row`);
      else if (row.seen < (last.get(row.file) ?? -1))
        this.#find(`${placeOf(row)}: key ${shownCanon(key)} comes after keys that the source brings later`);
      last.set(row.file, Math.max(row.seen, last.get(row.file) ?? -1));
      for (const column of this.#entity.columns) {
        if (column.kind === 'constant')
          this.#equal(row, column.name, canonOfJs(column.value, column.type), 'is the constant');
        else if (isAttribute(column) && !row.described)
          this.#equal(row, column.name, null, 'for no row describes the key');
      }
    }
  }

  /**
   * Checks that the changes dataset has a row exactly when the run says something new of a key: its last row differs
   * from what was published before, where changes are reported; otherwise its first row describes a key that nothing has
   * described.
   */
  #endOfChanges(changes: Rows): void {
    for (const [key, told] of this.#told) {
      const isChange = this.#isChange(key, told);
      const change = changes.get(key);
      const { attributes, blob, row } = told;
      const at = `${blob}, row ${row}`;
      if (isChange && !change)
        this.#find(`${this.#entity.name}: the change of key ${shownCanon(key)} (${at}) is not reported`);
      if (!change) continue;
      if (!isChange) this.#find(`${placeOf(change)}: key ${shownCanon(key)} has not changed (${at})`);
      const which = this.#entity.onChange === 'report' ? 'last' : 'first';
      for (const [name, wanted] of attributes) this.#equal(change, name, wanted, `by its ${which} row (${at})`);
      this.#equal(change, changeColumns.blob, Buffer.from(blob).toString('latin1'), `is where its ${which} row is`);
      this.#equal(change, changeColumns.row, row, `is where its ${which} row is`);
      const { manifest } = this.#of;
      this.#equal(change, changeColumns.run, Buffer.from(manifest.runId).toString('latin1'), 'is the run');
      const version = versionRead(manifest, this.#entity, change);
      this.#equal(change, changeColumns.version, version, 'is the version that the run read');
    }
    for (const [key, row] of changes) {
      if (!this.#told.has(key)) this.#find(`${placeOf(row)}: no source row describes key ${shownCanon(key)}`);
    }
    this.#countUndescribed(changes);
  }

  #isChange(key: KeyText, { attributes }: Told): boolean {
    const { onChange } = this.#entity;
    const nothing = attributesText(this.#entity, () => null);
    const said = attributesText(this.#entity, (name) => attributes.get(name));
    if (onChange !== 'report') return said !== nothing && !this.#before.described.has(key);
    const fresh = this.#fresh.get(key);
    const before = fresh ? this.#textOf(fresh) : (this.#before.attributes.get(key) ?? nothing);
    return said !== before;
  }

  #textOf(row: PublishedRow): string {
    return attributesText(this.#entity, (name) => cellOf(row, name));
  }

  /** Checks how many keys the manifest says that nothing has described. */
  #countUndescribed(changes: Rows): void {
    const { book, manifest, states } = this.#of;
    const { name, index } = this.#entity;
    const partitions = manifest.entities.find(({ entity }) => entity === name)?.keys?.partitions ?? [];
    if (partitions.some(({ undescribed }) => undescribed === undefined)) return;
    const nothing = attributesText(this.#entity, () => null);
    const now = new Set<KeyText>();
    for (const rows of [this.#fresh, changes]) {
      for (const [key, row] of rows)
        if (!this.#before.described.has(key) && this.#textOf(row) !== nothing) now.add(key);
    }
    const said = partitions.reduce((sum, { undescribed }) => sum + undescribed!, 0);
    const term = partitions[0]?.term ?? 0;
    const earlier = book.imports.filter((one) => one.index === index && one.term < term);
    const imported = earlier.reduce((sum, one) => sum + one.keys, 0);
    const counted = imported + states.keysUntil(manifest, index) - this.#before.described.size - now.size;
    if (said !== counted)
      this.#find(`${name}: the manifest counts ${said} undescribed keys, but ${counted} are by what was published`);
  }
}

/** The version of the head that the run read in the key partition of a change's file. */
function versionRead(manifest: Manifest, entity: KeyedEntity, { file }: PublishedRow): number | null {
  const partition = Number(/-(\d{5})\.parquet$/.exec(file.blob)?.[1]);
  const keys = manifest.entities.find((one) => one.entity === entity.name)?.keys;
  return keys?.partitions.find((one) => one.partition === partition)?.version ?? null;
}

async function readRows(
  { store }: Environment,
  manifest: Manifest,
  entity: KeyedEntity,
  files: Manifest['entities'][number]['files'],
): Promise<Rows> {
  const rows: Rows = new Map();
  for (const { blob } of files) {
    const bytes = await store.read(manifest.output.container, blob);
    const table = readTable(bytes ?? new Uint8Array(0), blob);
    const cells = new Map(table.columns.map(({ name }) => [name, cellReader(table, name)]));
    const keyAt = keyReader(entity, (name) => cellReader(table, name));
    const file = { blob, cells };
    for (let row = 0; row < table.rows; row++) {
      const key = keyAt(row);
      if (key !== undefined) rows.set(key, { file, row, seen: -1, described: false });
    }
  }
  return rows;
}

/** Adds a finding, until there are too many. */
export type Find = (text: string) => void;
