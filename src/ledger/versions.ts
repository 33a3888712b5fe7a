/**
 * Versions of source blobs as keys of sorted segments: a version is a blob's name and its ETag. The ledger's other files
 * call it. It makes and searches segments in the key index's format; values mean nothing here.
 */
import { createHash } from 'node:crypto';
import { digestSegment } from '../keys/attributes.ts';
import { findIds, type Segment, UNKNOWN } from '../keys/lookup.ts';
import type { SegmentPlace } from '../keys/segment.ts';
import { KeyTable } from '../keys/table.ts';
import type { BlobStore } from '../storage/store.ts';

/** One version of a blob. */
export interface Version {
  blob: string;
  etag: string;
}

const encoder = new TextEncoder();

/** No blob's name and no ETag holds a NUL. */
function keyOf({ blob, etag }: Version): Uint8Array {
  return encoder.encode(`${blob}\0${etag}`);
}

/** A table of distinct versions; ordinals are places in `versions`, which must be distinct. */
export function tableOf(versions: readonly Version[]): KeyTable {
  const table = new KeyTable(versions.length);
  for (const version of versions) addTo(table, version);
  return table;
}

/** Adds a version to a table, unless it is there. */
export function addTo(table: KeyTable, version: Version): void {
  table.intern(keyOf(version));
}

/** The table's versions as a segment. The digest is of the versions in the segment's order. */
export function segmentOf(table: KeyTable): { bytes: Uint8Array; place: Omit<SegmentPlace, 'blob'>; digest: string } {
  const { pieces, place } = digestSegment(table, table.byHash(), () => 0n);
  const bytes = Buffer.concat(pieces);
  return { bytes, place, digest: createHash('sha256').update(bytes).digest('hex').slice(0, 16) };
}

/** The hashes of all versions of a table, ascending. */
export function hashesOf(table: KeyTable): number[] {
  return Array.from(table.byHash(), (ordinal) => table.hashAt(ordinal));
}

/** By ordinal of the table: whether one of the segments has the version. Blocks without a hash of it are not read. */
export async function findVersions(
  { store, container }: { store: BlobStore; container: string },
  segments: readonly SegmentPlace[],
  table: KeyTable,
): Promise<boolean[]> {
  const places: Segment[] = segments.map((place) => ({ ...place, ids: null }));
  const found = await findIds(store, container, places, table);
  return Array.from(found, (value) => value !== UNKNOWN);
}
