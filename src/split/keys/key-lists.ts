/**
 * The distinct natural keys of one batch, for each keyed entity, in first-seen order: by source row, and within a row
 * in the order of the pipeline's feeds. With each key go the attribute values of the first row that named it through
 * the entity's own feed.
 */

import { type ErrorLocation, OrdinalError } from '../../errors.ts';
import { keysToValues, keyWriter } from '../../keys/encode.ts';
import type { KeyTable } from '../../keys/table.ts';
import { limits } from '../../limits.ts';
import { valuesOf } from '../../parquet/columns.ts';
import type { Column, ColumnType } from '../../parquet/types.ts';
import {
  type AttributeColumn,
  type CompiledPipeline,
  type Feed,
  isAttribute,
  type KeyedEntity,
} from '../../pipeline/compiled.ts';
import { locationOf } from '../../source/source-chunk.ts';
import { widenColumn } from '../../source/widen.ts';
import { combine, type Factor } from '../contract/factorize.ts';
import { PooledColumn, type StringPool } from '../contract/string-pool.ts';
import type { BatchMemory } from '../run-memory.ts';
import type { SourceUnit } from '../source-unit.ts';
import { TakenRows } from '../write/taken-rows.ts';
import { type FedKeys, feedKey, keyListColumn, rowColumn } from './fed-keys.ts';
import { type KeyListColumn, writeKeyList } from './key-list-file.ts';
import { LatestRows } from './latest-rows.ts';

/** Types of the keyed entities' key components, by entity; the plan decides them. */
export type KeyTypes = ReadonlyMap<string, ColumnType[]>;

const boolean: ColumnType = { physical: 'BOOLEAN' };

export class BatchKeys {
  readonly #pipeline: CompiledPipeline;
  readonly #memory: BatchMemory;
  readonly #lists = new Map<string, KeyList>();

  constructor(pipeline: CompiledPipeline, keyTypes: KeyTypes, memory: BatchMemory) {
    this.#pipeline = pipeline;
    this.#memory = memory;
    for (const entity of pipeline.entities) {
      if (entity.kind !== 'keyed') continue;
      this.#lists.set(entity.name, new KeyList(entity, keyTypes.get(entity.name)!, memory.table(entity.name)));
    }
  }

  /** Takes in one unit's rows. Returns what each feed's rows resolved to, by `feedKey`. */
  add(unit: SourceUnit): Map<string, FedKeys> {
    const fed = new Map<string, FedKeys>();
    for (const list of this.#lists.values()) {
      const feeds = this.#pipeline.feeds.filter((feed) => feed.target === list.entity.name);
      const parts = feeds.map((feed) => feedPart(feed, unit, list, this.#memory));
      internInOrder(parts);
      for (const part of parts) fed.set(feedKey(part.feed), { factor: part.factor, ordinals: part.ordinals });
    }
    // Attributes may be references to keys of any entity, so they are taken when all keys have ordinals.
    for (const list of this.#lists.values()) {
      const own = this.#pipeline.feeds.find((feed) => feed.target === list.entity.name && feed.own);
      if (own) list.describe(unit, fed.get(feedKey(own))!, fed);
    }
    return fed;
  }

  /** Distinct keys so far, by entity. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#lists].map(([name, list]) => [name, list.table.size]));
  }

  /** The lists as files, by entity; entities without keys are left out. */
  tables(): Map<string, Uint8Array> {
    const keys = new Map([...this.#lists].map(([name, list]) => [name, list.table]));
    const tables = new Map<string, Uint8Array>();
    for (const [name, list] of this.#lists) if (list.table.size > 0) tables.set(name, list.toTable(keys));
    return tables;
  }
}

interface FeedPart {
  feed: Feed;
  factor: Factor;
  ordinals: Int32Array;
  /** The ordinal, in the batch's list, of the key that a row names. */
  ordinalOf(row: number): number;
  /** Finds the ordinals of the first rows all at once, where they come in the order of this part. */
  prepare?(): void;
}

/** The list's types are the key's: a feed's columns may be narrower. */
function feedPart(feed: Feed, unit: SourceUnit, list: KeyList, memory: BatchMemory): FeedPart {
  const columns = feed.columns.map((name, c) => {
    const cleaned = unit.column(name);
    const type = list.types[c]!;
    const locate = (row: number) => ({ ...locationOf(unit.place, row), column: name });
    return { column: widenColumn(cleaned.keyColumn?.() ?? cleaned.column(), cleaned.type, type, locate), type };
  });
  const factors = feed.columns.map((name) => unit.factor(name, feed.selectedBy));
  const factor = factors.reduce((a, b) => combine(a, b, (length) => memory.list(length)));
  const ordinals = new Int32Array(factor.size).fill(-1);
  const only = columns.length === 1 ? columns[0]!.column : undefined;
  const checked = (row: number, bytes: number) => list.check(bytes, () => locationOf(unit.place, row), feed.columns);
  if (only instanceof PooledColumn) {
    const { pool, numbers, indices } = only;
    const known = list.ordinalsOf(pool);
    const ordinalOf = (row: number) => {
      const number = numbers[indices[row]!]!;
      checked(row, pool.strings.lengthOf(number));
      return list.internKnown(pool.strings, number, known);
    };
    const prepare = () => {
      const { firstRow } = factor;
      list.internMany(
        pool.strings,
        known,
        firstRow.map((row) => numbers[indices[row]!]!),
      );
    };
    return { feed, factor, ordinals, ordinalOf, prepare };
  }
  // Codes of one column are the ordinals of its keys in a table; a value of a wider type is another key.
  if (factor.keys && only && only === unit.column(feed.columns[0]!).column()) {
    const { keys, codes } = factor;
    const known = new Int32Array(factor.size).fill(-1);
    const ordinalOf = (row: number) => {
      const code = codes[row]!;
      checked(row, keys.lengthOf(code));
      return list.internKnown(keys, code, known);
    };
    return { feed, factor, ordinals, ordinalOf, prepare: () => list.internMany(keys, known, factor.order) };
  }
  const writer = keyWriter(columns.map(({ column, type }) => ({ values: valuesOf(column), type })));
  const at = new Array<number>(columns.length);
  return {
    feed,
    factor,
    ordinals,
    ordinalOf(row) {
      for (let c = 0; c < columns.length; c++) at[c] = positionOf(columns[c]!.column, row);
      writer.write(at);
      checked(row, writer.end - writer.start);
      return list.table.intern(writer.bytes, writer.start, writer.end);
    },
  };
}

/** Merges the feeds' codes by first row, then by feed order, and gives each key its ordinal. */
function internInOrder(parts: readonly FeedPart[]): void {
  const [only] = parts;
  if (parts.length === 1 && only) {
    const { order, firstRow } = only.factor;
    only.prepare?.();
    for (let i = 0; i < order.length; i++) only.ordinals[order[i]!] = only.ordinalOf(firstRow[i]!);
    return;
  }
  const next = new Int32Array(parts.length);
  for (;;) {
    let best = -1;
    let bestRow = Number.POSITIVE_INFINITY;
    for (let p = 0; p < parts.length; p++) {
      const { factor } = parts[p]!;
      const place = next[p]!;
      if (place < factor.order.length && factor.firstRow[place]! < bestRow) {
        best = p;
        bestRow = factor.firstRow[place]!;
      }
    }
    if (best < 0) return;
    const part = parts[best]!;
    const place = next[best]!;
    part.ordinals[part.factor.order[place]!] = part.ordinalOf(bestRow);
    next[best] = place + 1;
  }
}

function positionOf(column: Column, row: number): number {
  return column.form === 'dictionary' ? column.indices[row]! : row;
}

class KeyList {
  readonly entity: KeyedEntity;
  readonly table: KeyTable;
  readonly types: ColumnType[];
  readonly #attributes: AttributeColumn[];
  /** Of each key, the first row that the own feed named it in. */
  readonly #first: TakenRows;
  /** The last one, where changes are reported. */
  readonly #latest: LatestRows | undefined;
  /** Ordinals of a pool's strings, by number. */
  readonly #pooled = new Map<StringPool, { epoch: number; ordinals: Int32Array }>();

  /** `table` is empty, and this list's alone. */
  constructor(entity: KeyedEntity, types: ColumnType[], table: KeyTable) {
    this.entity = entity;
    this.table = table;
    this.types = types;
    this.#attributes = entity.columns.filter(isAttribute);
    // Changes are told by comparing values, one by one.
    this.#first = new TakenRows(entity, entity.onChange === 'report');
    this.#latest = entity.onChange === 'report' ? new LatestRows(entity) : undefined;
  }

  /** Throws `LimitExceeded` when a key of so many bytes, or all keys of the batch with it, are too large. */
  check(bytes: number, locate: () => ErrorLocation, columns: readonly string[]): void {
    const all = this.table.byteLength + bytes;
    if (bytes <= limits.keyBytesMax && all <= limits.columnBytesMax) return;
    const message =
      bytes > limits.keyBytesMax
        ? `A key of "${this.entity.name}" has ${bytes} bytes; the limit is ${limits.keyBytesMax}.`
        : `The keys of "${this.entity.name}" in one batch take ${all} bytes; the limit is ${limits.columnBytesMax}.`;
    throw new OrdinalError('LimitExceeded', message, {
      where: { ...locate(), column: columns.join(', ') },
      remedy: 'Take a shorter column for the key, or map it to a shorter one.',
    });
  }

  /** The ordinals of a pool's strings by number, -1 where none is known yet: for the unit at hand. */
  ordinalsOf(pool: StringPool): Int32Array {
    let known = this.#pooled.get(pool);
    if (known?.epoch !== pool.epoch || pool.count > known.ordinals.length) {
      known = { epoch: pool.epoch, ordinals: ordinalsOf(known, pool) };
      this.#pooled.set(pool, known);
    }
    return known.ordinals;
  }

  /** The ordinal of a key of another table: looked up when the batch first sees it, found by its number later. */
  internKnown(keys: KeyTable, number: number, known: Int32Array): number {
    let ordinal = known[number]!;
    if (ordinal < 0) {
      ordinal = this.table.internFrom(keys, number);
      known[number] = ordinal;
    }
    return ordinal;
  }

  /**
   * `internKnown` for many keys in their order, where none of them can be too large: one after the other, each would wait
   * for memory.
   */
  internMany(keys: KeyTable, known: Int32Array, numbers: Int32Array): void {
    const wanted = new Int32Array(numbers.length);
    let length = 0;
    let bytes = this.table.byteLength;
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i]!;
      if (known[number]! >= 0) continue;
      const own = keys.lengthOf(number);
      bytes += own;
      if (own > limits.keyBytesMax) return;
      wanted[length++] = number;
    }
    if (bytes > limits.columnBytesMax) return;
    const ordinals = new Int32Array(length);
    this.table.internManyFrom(keys, wanted, length, ordinals);
    for (let i = 0; i < length; i++) known[wanted[i]!] = ordinals[i]!;
  }

  /** Takes the attributes of keys that the own feed names for the first time. */
  describe(unit: SourceUnit, own: FedKeys, fed: ReadonlyMap<string, FedKeys>): void {
    if (this.#attributes.length === 0) return;
    this.#latest?.add(unit, own, fed);
    const { order, firstRow } = own.factor;
    const rows = new Int32Array(order.length);
    let count = 0;
    for (let place = 0; place < order.length; place++) {
      const ordinal = own.ordinals[order[place]!]!;
      if (this.#first.has(ordinal)) continue;
      this.#first.claim(ordinal);
      rows[count++] = firstRow[place]!;
    }
    this.#first.take(unit, rows.subarray(0, count), fed);
  }

  /** `keys` are the batch's keys of all entities. */
  toTable(keys: ReadonlyMap<string, KeyTable>): Uint8Array {
    const rows = this.table.size;
    const columns: KeyListColumn[] = keysToValues(this.table, this.types).map((values, c) => ({
      name: keyListColumn.component(c),
      type: this.types[c]!,
      values,
      valid: undefined,
    }));
    if (this.#attributes.length > 0) {
      const data = this.#first.mask(rows);
      columns.push({
        name: keyListColumn.described,
        type: boolean,
        values: { kind: 'boolean', length: rows, data },
        valid: undefined,
      });
      columns.push(rowColumn(keyListColumn.firstRow, this.#first.rows(rows)));
    }
    const first = this.#first.columns(rows);
    columns.push(...first);
    if (this.#latest) columns.push(...this.#latest.columns(rows, first, keys));
    return writeKeyList(columns, rows);
  }
}

/** Room for an ordinal of each of a pool's strings, -1 where it is not known; what is known stays while the epoch does. */
function ordinalsOf(known: { epoch: number; ordinals: Int32Array } | undefined, pool: StringPool): Int32Array {
  if (known && known.epoch !== pool.epoch && known.ordinals.length >= pool.count) return known.ordinals.fill(-1);
  const ordinals = new Int32Array(pool.count * 2).fill(-1);
  if (known?.epoch === pool.epoch) ordinals.set(known.ordinals);
  return ordinals;
}
