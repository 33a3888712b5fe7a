/**
 * What is published of known keys, in the resolve of one key partition: the changes dataset. A key's description is the
 * first row, of the first run in which that row says something, that comes through the entity's own feed. When the key
 * was made earlier, by a reference or by another pipeline, the description becomes a row of this dataset. Where changes
 * are reported, so does what the run's last row says, if it differs from what was published before: by an earlier run,
 * or by this one with the key's first row.
 */
import type { Plan } from '../documents/documents.ts';
import type { PlannedFile } from '../documents/source-files.ts';
import { invariant } from '../errors.ts';
import { digestSegment, findDigests, NO_ATTRIBUTES } from '../keys/attributes.ts';
import { type IndexHead, indexBlobs, type PendingDelta } from '../keys/index-documents.ts';
import type { IndexPartition } from '../keys/key-index.ts';
import { KeyTable } from '../keys/table.ts';
import { builder } from '../parquet/logical.ts';
import type { Table, TableColumn } from '../parquet/table.ts';
import type { ColumnType } from '../parquet/types.ts';
import { gather } from '../parquet/values.ts';
import { changeColumns, isAttribute, type KeyedEntity } from '../pipeline/compiled.ts';
import { lastAtMost } from '../source/source-chunk.ts';
import { keyListColumn } from '../split/keys/fed-keys.ts';
import type { KeyListColumn, KeyListTable } from '../split/keys/key-list-file.ts';
import type { Uploads } from '../storage/in-flight.ts';
import { lifeId } from '../storage/names.ts';
import { writeOnce } from '../storage/write-once.ts';
import { type Describing, stageDescribed } from './described-keys.ts';

/** What a run adds to the index beside its new keys. */
export type Decided = Pick<PendingDelta, 'attributes' | 'described'>;

export class Changes {
  readonly #of: Describing;
  readonly #entity: KeyedEntity;
  readonly #reports: boolean;
  /** By ordinal of the arriving keys: the batch of the row that may become a change, the first or the last; -1 for none. */
  readonly #batch: Int32Array;
  /** By ordinal: 1 where the run's first row says something of the key. */
  readonly #says: Uint8Array;
  /** The same where changes are reported: digests of the first row and of the last one. */
  readonly #first: BigInt64Array;
  readonly #latest: BigInt64Array;
  /** By ordinal of the arriving keys: ordinal among the changed ones, or -1. */
  readonly #changed: Int32Array;
  /** Of the head that `decide` compared with. It changes only when a run has published, so it orders changes. */
  #version = 0;
  /** The keys that have a row in the changes dataset, in first-seen order. */
  readonly keys = new KeyTable(16);

  constructor(of: Describing, entity: KeyedEntity, arriving: number) {
    this.#of = of;
    this.#entity = entity;
    this.#reports = entity.onChange === 'report';
    this.#batch = new Int32Array(arriving).fill(-1);
    this.#says = new Uint8Array(arriving);
    this.#first = new BigInt64Array(this.#reports ? arriving : 0);
    this.#latest = new BigInt64Array(this.#reports ? arriving : 0);
    this.#changed = new Int32Array(arriving).fill(-1);
  }

  /** Takes in a batch's list, in batch order; `ordinals` are those of its keys, -1 for keys of other partitions. */
  note(batch: number, list: KeyListTable, ordinals: Int32Array): void {
    const described = columnOf(list, keyListColumn.described);
    invariant(described.kind === 'boolean', 'a list says which keys it describes');
    if (this.#reports) this.#noteDigests(batch, list, ordinals, described.data);
    else this.#noteFirst(batch, list, ordinals, described.data);
  }

  #noteFirst(batch: number, list: KeyListTable, ordinals: Int32Array, described: Uint8Array): void {
    const says = sayingOf(list, this.#entity);
    for (let row = 0; row < list.rows; row++) {
      const ordinal = ordinals[row]!;
      if (ordinal < 0 || described[row] === 0 || this.#batch[ordinal]! >= 0) continue;
      this.#batch[ordinal] = batch;
      if (says(row)) this.#says[ordinal] = 1;
    }
  }

  #noteDigests(batch: number, list: Table, ordinals: Int32Array, described: Uint8Array): void {
    const first = columnOf(list, keyListColumn.firstDigest);
    const latest = columnOf(list, keyListColumn.latestDigest);
    invariant(first.kind === 'int64' && latest.kind === 'int64', 'digests of a list');
    for (let row = 0; row < list.rows; row++) {
      const ordinal = ordinals[row]!;
      if (ordinal < 0 || described[row] === 0) continue;
      if (this.#batch[ordinal]! < 0) {
        this.#first[ordinal] = first.data[row]!;
        if (first.data[row] !== NO_ATTRIBUTES) this.#says[ordinal] = 1;
      }
      this.#latest[ordinal] = latest.data[row]!;
      this.#batch[ordinal] = batch;
    }
  }

  /**
   * Decides which keys have a row in the changes dataset, and stages what the index is to remember. `slots` tell new keys
   * (negative) from known ones.
   */
  async decide(
    uploads: Uploads,
    at: IndexPartition,
    head: IndexHead,
    plan: Plan,
    arriving: KeyTable,
    slots: BigInt64Array,
  ): Promise<Decided> {
    this.#version = head.number;
    const attributes = this.#reports ? await this.#compare(uploads, at, head, plan, arriving, slots) : undefined;
    const fresh: bigint[] = [];
    const candidates: bigint[] = [];
    const ordinals: number[] = [];
    for (let ordinal = 0; ordinal < arriving.size; ordinal++) {
      const slot = slots[ordinal]!;
      if (slot < 0n) {
        if (this.#says[ordinal] === 1 || this.#lastSays(ordinal)) fresh.push(-1n - slot);
      } else if (this.#reports ? this.#lastSays(ordinal) : this.#says[ordinal] === 1) {
        candidates.push(slot);
        ordinals.push(ordinal);
      }
    }
    const { described, late } = await stageDescribed(uploads, at, head, this.#of, fresh, candidates);
    // Where changes are reported, these are changed ones already.
    const isLate = new Set(late);
    for (const ordinal of ordinals) if (isLate.has(slots[ordinal]!)) this.#change(ordinal, arriving);
    return { ...(attributes && { attributes }), ...(described && { described }) };
  }

  /** Whether what a run reports last of a key says something. */
  #lastSays(ordinal: number): boolean {
    return this.#changed[ordinal]! >= 0 && this.#latest[ordinal] !== NO_ATTRIBUTES;
  }

  #change(ordinal: number, arriving: KeyTable): void {
    this.#changed[ordinal] = this.keys.intern(arriving.at(ordinal));
  }

  /** Compares last rows with what was published, and stages the digests that the next run compares with. */
  async #compare(
    uploads: Uploads,
    at: IndexPartition,
    head: IndexHead,
    plan: Plan,
    arriving: KeyTable,
    slots: BigInt64Array,
  ): Promise<PendingDelta['attributes']> {
    const { owner } = this.#of;
    const published = await findDigests(at, head.attributes?.[owner] ?? [], arriving);
    const remembered = new Uint8Array(arriving.size);
    for (let ordinal = 0; ordinal < arriving.size; ordinal++) {
      if (this.#batch[ordinal]! < 0) continue;
      const isNew = slots[ordinal]! < 0n;
      invariant(!isNew || published[ordinal] === NO_ATTRIBUTES, 'nothing was published of a new key');
      const before = isNew ? this.#first[ordinal]! : published[ordinal]!;
      if (this.#latest[ordinal] !== before) this.#change(ordinal, arriving);
      if (this.#latest[ordinal] !== published[ordinal]) remembered[ordinal] = 1;
    }
    const ordinals = arriving.byHash().filter((ordinal) => remembered[ordinal] === 1);
    if (ordinals.length === 0) return undefined;
    const { index, epoch } = at.document;
    const blob = indexBlobs.attributes(index, epoch, at.partition, owner, lifeId(plan));
    const { pieces, place } = digestSegment(arriving, ordinals, (ordinal) => this.#latest[ordinal]!);
    await uploads.add(() => writeOnce(at.store, at.container, blob, Buffer.concat(pieces)));
    return { owner, delta: { blob, ...place } };
  }

  /**
   * The rows of a batch's list that become changes, as a list of their own, and the ordinals of their keys among the
   * changed ones. Undefined when there are none. `files` are those of the batch.
   */
  ofBatch(plan: Plan, batch: number, files: readonly PlannedFile[], list: KeyListTable, ordinals: Int32Array) {
    const rows: number[] = [];
    for (let row = 0; row < list.rows; row++) {
      const ordinal = ordinals[row]!;
      if (ordinal >= 0 && this.#changed[ordinal]! >= 0 && this.#batch[ordinal] === batch) rows.push(row);
    }
    if (rows.length === 0) return undefined;
    const at = Int32Array.from(rows);
    const columns = this.#toldColumns(list).map((column) => pick(column, at));
    const rowName = this.#reports ? keyListColumn.latestRow : keyListColumn.firstRow;
    const row = list.columns.find(({ name }) => name === rowName)!;
    const places = placesOf(pick(row, at), plan.batches[batch]!.firstRow, files);
    const ones = new Uint8Array(at.length).fill(1);
    columns.push(
      { ...places.row, name: keyListColumn.attribute(changeColumns.row) },
      { ...places.blob, name: keyListColumn.attribute(changeColumns.blob) },
      { ...repeatedText(plan.runId, at.length), name: keyListColumn.attribute(changeColumns.run) },
      {
        name: keyListColumn.attribute(changeColumns.version),
        type: { physical: 'INT64' },
        values: { kind: 'int64', length: at.length, data: new BigInt64Array(at.length).fill(BigInt(this.#version)) },
        valid: undefined,
      },
      // The own ID is that of the key of this row of the list.
      {
        name: keyListColumn.reference(this.#entity.columns[0]!.name),
        type: { physical: 'INT32' },
        values: { kind: 'int32', length: at.length, data: at },
        valid: undefined,
      },
      {
        name: keyListColumn.described,
        type: { physical: 'BOOLEAN' },
        values: { kind: 'boolean', length: at.length, data: ones },
        valid: undefined,
      },
    );
    return { list: { rows: at.length, columns, keyValues: {} }, ordinals: at.map((r) => this.#changed[ordinals[r]!]!) };
  }

  /** What the rows say that may become changes: the last ones where changes are reported, otherwise the first ones. */
  #toldColumns(list: KeyListTable): KeyListColumn[] {
    if (!this.#reports) return attributeColumns(list, this.#entity);
    const prefix = keyListColumn.latest('');
    return list.columns
      .filter(({ name }) => name.startsWith(prefix))
      .map((column) => ({ ...column, name: column.name.slice(prefix.length) }));
  }
}

/** The columns with the attributes of first rows. */
function attributeColumns(list: KeyListTable, entity: KeyedEntity): KeyListColumn[] {
  const names = entity.columns
    .filter(isAttribute)
    .map(({ kind, name }) => (kind === 'ref' ? keyListColumn.reference(name) : keyListColumn.attribute(name)));
  return list.columns.filter(({ name }) => names.includes(name));
}

/** Whether the first row of a key says something: an attribute of it is not null. An unknown member is something. */
function sayingOf(list: KeyListTable, entity: KeyedEntity): (row: number) => boolean {
  if (entity.columns.some((column) => column.kind === 'ref' && column.missing !== undefined)) return () => true;
  const columns = attributeColumns(list, entity);
  if (columns.some(({ indices, valid }) => !indices && !valid)) return () => true;
  return (row) => columns.some(({ indices, valid }) => (indices ? indices[row]! >= 0 : valid![row] !== 0));
}

function columnOf(list: Table, name: string) {
  const column = list.columns.find((candidate) => candidate.name === name);
  invariant(column, `a key list has column "${name}"`);
  return column.values;
}

function pick({ name, type, values, valid, indices }: KeyListColumn, at: Int32Array): KeyListColumn {
  if (indices) return { name, type, values, valid: undefined, indices: at.map((row) => indices[row]!) };
  return { name, type, values: gather(values, at), valid: valid && bitsAt(valid, at) };
}

function bitsAt(valid: Uint8Array, at: Int32Array): Uint8Array {
  return Uint8Array.from(at, (row) => valid[row]!);
}

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };

function repeatedText(value: string, rows: number): Omit<TableColumn, 'name'> {
  const build = builder(text);
  for (let row = 0; row < rows; row++) build.push(value);
  return { type: text, values: build.finish().values, valid: undefined };
}

/** Row numbers of a batch as blobs and row numbers in them. `firstRow` is where the batch begins in the first file. */
function placesOf(
  column: TableColumn,
  firstRow: number,
  files: readonly PlannedFile[],
): { blob: Omit<TableColumn, 'name'>; row: Omit<TableColumn, 'name'> } {
  const { values } = column;
  invariant(values.kind === 'int32', 'row numbers of a batch are 32-bit integers');
  const starts: number[] = [];
  let end = 0;
  for (const { rows } of files) {
    starts.push(end);
    end += rows;
  }
  const build = builder(text);
  const data = BigInt64Array.from(values.data, (number) => {
    const at = firstRow + number;
    invariant(at < end, `row ${at} is of one of the batch's files`);
    const file = lastAtMost(starts, at, (start) => start);
    build.push(files[file]!.blob);
    return BigInt(at - starts[file]!);
  });
  const blobs = build.finish().values;
  return {
    blob: { type: text, values: blobs, valid: undefined },
    row: { type: { physical: 'INT64' }, values: { kind: 'int64', length: data.length, data }, valid: undefined },
  };
}
