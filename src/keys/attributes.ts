/**
 * What an index remembers of the attributes that were published with a key, so that a later change is seen without
 * reading what was published: a digest by key, in segments beside those of the IDs. The newest digest of a key counts;
 * a key without one has no attribute but nulls. The split and the resolve call it.
 */
import { hash } from 'node:crypto';
import type { ColumnType, Values } from '../parquet/types.ts';
import { keyWriter } from './encode.ts';
import type { IndexEntry } from './index-documents.ts';
import type { IndexStore } from './key-index.ts';
import { findIds, UNKNOWN } from './lookup.ts';
import { type SegmentPlace, SegmentWriter } from './segment.ts';
import type { KeyTable } from './table.ts';

/** The digest of no attribute but nulls. */
export const NO_ATTRIBUTES = digestOf(Buffer.alloc(0));

/** One attribute, row by row. */
export interface Attribute {
  name: string;
  /** The value as `keyWriter` writes it, valid until the next call; undefined for null. */
  at(row: number): Uint8Array | undefined;
}

/**
 * An attribute that is a column of values.
 * @param name name of the output column
 * @param type type of the column
 * @param values values of the column, aligned to rows
 * @param valid 0 for each row that is null, aligned to the values; undefined when none is null
 * @returns the attribute, row by row
 */
export function valueAttribute(
  name: string,
  type: ColumnType,
  values: Values,
  valid: Uint8Array | undefined,
): Attribute {
  const writer = keyWriter([{ values, type }]);
  const place = [0];
  return {
    name,
    at(row) {
      if (valid !== undefined && valid[row] === 0) return undefined;
      place[0] = row;
      writer.write(place);
      return writer.bytes.subarray(writer.start, writer.end);
    },
  };
}

/**
 * An attribute that is a reference: it counts by the key that it refers to, for IDs may be unknown yet; or by the ID of the
 * unknown member, under a name of its own, so that no key is taken for it.
 * @param name name of the output column
 * @param keyAt the key of a row, as `keyWriter` writes it; undefined where the row refers to none
 * @param memberAt the ID of the unknown member that a row refers to; undefined where it refers to none
 * @returns the attribute, in two parts
 */
export function referenceAttribute(
  name: string,
  keyAt: Attribute['at'],
  memberAt: (row: number) => string | undefined,
): Attribute[] {
  const at = (row: number) => {
    const id = memberAt(row);
    return id === undefined ? undefined : Buffer.from(id);
  };
  return [
    { name, at: keyAt },
    { name: `${name}\0missing`, at },
  ];
}

/**
 * Digests rows of attributes: the first 63 bits of a SHA-256 over the names and values of those that are not null, in
 * the order of their names. Two rows that differ have one digest once in 2^63 times.
 * @param attributes attributes of one entity, aligned to rows
 * @returns the digest of a row
 */
export function digester(attributes: readonly Attribute[]): (row: number) => bigint {
  const ordered = attributes
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, at }) => ({ at, name: Buffer.from(name) }));
  let buffer = Buffer.alloc(256);
  return (row) => {
    let used = 0;
    for (const { name, at } of ordered) {
      const value = at(row);
      if (value === undefined) continue;
      const end = used + 8 + name.length + value.length;
      if (end > buffer.length) buffer = Buffer.concat([buffer.subarray(0, used)], Math.max(end, buffer.length * 2));
      buffer.writeUInt32LE(name.length, used);
      buffer.writeUInt32LE(value.length, used + 4);
      buffer.set(name, used + 8);
      buffer.set(value, used + 8 + name.length);
      used = end;
    }
    return digestOf(buffer.subarray(0, used));
  };
}

/** Never negative: an index holds no other values. */
function digestOf(bytes: Uint8Array): bigint {
  return hash('sha256', bytes, 'buffer').readBigUInt64LE() >> 1n;
}

/**
 * Looks up the digest that was published last for each key.
 * @param store the storage and the work container
 * @param entries segments of digests, the oldest first
 * @param table distinct keys
 * @returns by ordinal of the table: the newest digest, or `NO_ATTRIBUTES`
 * @throws `StorageFailed` when the service cannot be reached or refuses, or a segment is gone
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export async function findDigests(
  { store, container }: IndexStore,
  entries: readonly IndexEntry[],
  table: KeyTable,
): Promise<BigInt64Array> {
  const newest = new BigInt64Array(table.size).fill(NO_ATTRIBUTES);
  for (const entry of entries) {
    const found = await findIds(store, container, [entry], table);
    for (let i = 0; i < found.length; i++) if (found[i] !== UNKNOWN) newest[i] = found[i]!;
  }
  return newest;
}

/**
 * Makes a segment of the keys at some ordinals of a table, with their digests.
 * @param table distinct keys
 * @param ordinals ordinals of the table, in the order of hash
 * @param digestAt the digest of a key
 * @returns the bytes in pieces, and what the head says of the segment
 */
export function digestSegment(
  table: KeyTable,
  ordinals: Iterable<number>,
  digestAt: (ordinal: number) => bigint,
): { pieces: Uint8Array[]; place: Omit<SegmentPlace, 'blob'> } {
  const writer = new SegmentWriter();
  for (const ordinal of ordinals) {
    const key = table.at(ordinal);
    writer.add(table.hashAt(ordinal), digestAt(ordinal), key, 0, key.length);
  }
  const place = writer.finish();
  return { pieces: writer.take(), place };
}
