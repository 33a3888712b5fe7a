/**
 * Changed attributes, in the resolve of one key partition. Compared is the last row of the run that names a key with what
 * was published of the key: by an earlier run, or by this one with the key's first row. What differs becomes a row of
 * the changes dataset, and what the next run compares with.
 */
import type { Plan } from '../documents/documents.ts';
import type { PlannedFile } from '../documents/source-files.ts';
import { invariant } from '../errors.ts';
import { digestSegment, findDigests, NO_ATTRIBUTES } from '../keys/attributes.ts';
import { type IndexHead, indexBlobs } from '../keys/index-documents.ts';
import type { IndexPartition } from '../keys/key-index.ts';
import { KeyTable } from '../keys/table.ts';
import { builder } from '../parquet/logical.ts';
import type { Table, TableColumn } from '../parquet/table.ts';
import type { ColumnType } from '../parquet/types.ts';
import { gather } from '../parquet/values.ts';
import { changeColumns, type KeyedEntity } from '../pipeline/compiled.ts';
import { lastAtMost } from '../source/source-chunk.ts';
import { keyListColumn } from '../split/keys/fed-keys.ts';
import type { Uploads } from '../storage/in-flight.ts';
import { lifeId } from '../storage/names.ts';
import { writeOnce } from '../storage/write-once.ts';

export class Changes {
  readonly #owner: string;
  readonly #entity: KeyedEntity;
  /** By ordinal of the arriving keys: digests of the first row and the last, and the batch of the last; -1 for none. */
  readonly #first: BigInt64Array;
  readonly #latest: BigInt64Array;
  readonly #batch: Int32Array;
  /** By ordinal of the arriving keys: ordinal among the changed ones, or -1. */
  readonly #changed: Int32Array;
  /** Of the head that `decide` compared with. It changes only when a run has published, so it orders changes. */
  #version = 0;
  /** The keys whose attributes differ from what was published of them, in first-seen order. */
  readonly keys = new KeyTable();

  constructor(owner: string, entity: KeyedEntity, arriving: number) {
    this.#owner = owner;
    this.#entity = entity;
    this.#first = new BigInt64Array(arriving);
    this.#latest = new BigInt64Array(arriving);
    this.#batch = new Int32Array(arriving).fill(-1);
    this.#changed = new Int32Array(arriving).fill(-1);
  }

  /** Takes in a batch's list, in batch order; `ordinals` are those of its keys, -1 for keys of other partitions. */
  note(batch: number, list: Table, ordinals: Int32Array): void {
    const described = columnOf(list, keyListColumn.described);
    const first = columnOf(list, keyListColumn.firstDigest);
    const latest = columnOf(list, keyListColumn.latestDigest);
    invariant(described.kind === 'boolean' && first.kind === 'int64' && latest.kind === 'int64', 'digests of a list');
    for (let row = 0; row < list.rows; row++) {
      const ordinal = ordinals[row]!;
      if (ordinal < 0 || described.data[row] === 0) continue;
      if (this.#batch[ordinal]! < 0) this.#first[ordinal] = first.data[row]!;
      this.#latest[ordinal] = latest.data[row]!;
      this.#batch[ordinal] = batch;
    }
  }

  /**
   * Decides which keys have changed, and stages the digests that the next run compares with. Undefined when there is
   * nothing to remember. `slots` tell new keys (negative) from known ones.
   */
  async decide(
    uploads: Uploads,
    at: IndexPartition,
    head: IndexHead,
    plan: Plan,
    arriving: KeyTable,
    slots: BigInt64Array,
  ) {
    this.#version = head.number;
    const published = await findDigests(at, head.attributes?.[this.#owner] ?? [], arriving);
    const remembered = new Uint8Array(arriving.size);
    for (let ordinal = 0; ordinal < arriving.size; ordinal++) {
      if (this.#batch[ordinal]! < 0) continue;
      const isNew = slots[ordinal]! < 0n;
      invariant(!isNew || published[ordinal] === NO_ATTRIBUTES, 'nothing was published of a new key');
      const before = isNew ? this.#first[ordinal]! : published[ordinal]!;
      if (this.#latest[ordinal] !== before) this.#changed[ordinal] = this.keys.intern(arriving.at(ordinal));
      if (this.#latest[ordinal] !== published[ordinal]) remembered[ordinal] = 1;
    }
    const ordinals = arriving.byHash().filter((ordinal) => remembered[ordinal] === 1);
    if (ordinals.length === 0) return undefined;
    const { index, epoch } = at.document;
    const blob = indexBlobs.attributes(index, epoch, at.partition, this.#owner, lifeId(plan));
    const { pieces, place } = digestSegment(arriving, ordinals, (ordinal) => this.#latest[ordinal]!);
    await uploads.add(() => writeOnce(at.store, at.container, blob, Buffer.concat(pieces)));
    return { owner: this.#owner, delta: { blob, ...place } };
  }

  /**
   * The rows of a batch's list that hold the last word on a changed key, as a list of their own, and the ordinals of
   * their keys among the changed ones. Undefined when there are none. `files` are those of the batch.
   */
  ofBatch(plan: Plan, batch: number, files: readonly PlannedFile[], list: Table, ordinals: Int32Array) {
    const rows: number[] = [];
    for (let row = 0; row < list.rows; row++) {
      const ordinal = ordinals[row]!;
      if (ordinal >= 0 && this.#changed[ordinal]! >= 0 && this.#batch[ordinal] === batch) rows.push(row);
    }
    if (rows.length === 0) return undefined;
    const at = Int32Array.from(rows);
    const prefix = keyListColumn.latest('');
    const columns = list.columns
      .filter(({ name }) => name.startsWith(prefix))
      .map((column): TableColumn => ({ ...pick(column, at), name: column.name.slice(prefix.length) }));
    const row = list.columns.find(({ name }) => name === keyListColumn.latestRow)!;
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
}

function columnOf(list: Table, name: string) {
  const column = list.columns.find((candidate) => candidate.name === name);
  invariant(column, `a key list has column "${name}"`);
  return column.values;
}

function pick({ name, type, values, valid }: TableColumn, at: Int32Array): TableColumn {
  return { name, type, values: gather(values, at), valid: valid && at.length > 0 ? bitsAt(valid, at) : valid };
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
): { blob: Omit<TableColumn, 'name'>; row: TableColumn } {
  const { values } = column;
  invariant(values.kind === 'int64', 'row numbers are 64-bit integers');
  const starts: number[] = [];
  let end = 0;
  for (const { rows } of files) {
    starts.push(end);
    end += rows;
  }
  const build = builder(text);
  const data = values.data.map((number) => {
    const at = firstRow + Number(number);
    invariant(at < end, `row ${at} is of one of the batch's files`);
    const file = lastAtMost(starts, at, (start) => start);
    build.push(files[file]!.blob);
    return BigInt(at - starts[file]!);
  });
  const blobs = build.finish().values;
  return { blob: { type: text, values: blobs, valid: undefined }, row: { ...column, values: { ...values, data } } };
}
