/**
 * The ledger of a pipeline: which versions of source blobs its published runs have read. All changes are conditional
 * puts of one head:
 *
 * 1. A life claims the versions that it is going to read: nobody has read or claimed them. Before that nothing of them
 *    is its own.
 * 2. The life's manifest is written. From then on its versions are read.
 * 3. The head takes the claim in, as a segment; or drops it, when the life was closed without a manifest of its own.
 *
 * Whether a claim has become a reading is decided by the manifest alone, so a life that dies between 2 and 3 changes
 * nothing. Plans, publications, discards and rebuilds call this file. It must never take a version that a life which
 * may still publish has claimed.
 */
import { createHash } from 'node:crypto';
import type { OrdinalError } from '../errors.ts';
import { crowded, SEGMENTS_PER_LEVEL } from '../keys/compact.ts';
import type { IndexEntry } from '../keys/index-documents.ts';
import { storedSource, writeMerged } from '../keys/merge-segments.ts';
import type { SegmentPlace } from '../keys/segment.ts';
import type { KeyTable } from '../keys/table.ts';
import { limits } from '../limits.ts';
import { readVersioned, type Versioned, writeJson } from '../storage/json.ts';
import type { Life } from '../storage/names.ts';
import type { BlobStore } from '../storage/store.ts';
import { changedByOthers, inPlaceOf, unlessConflict, writeOnce } from '../storage/write-once.ts';
import { emptyLedger, type LedgerHead, ledgerBlobs, ledgerSchema, type VersionClaim } from './ledger-documents.ts';
import { segmentOf } from './versions.ts';

/** Where a ledger is. */
export interface Ledger {
  store: BlobStore;
  /** The work container. */
  container: string;
  pipeline: string;
}

/** What became of a claim: its life has published, can publish no more, or may still publish. */
export type Fate = 'read' | 'closed' | 'open';

/** Reads the head. Undefined for a pipeline that has none. Throws `StorageFailed` and `CorruptFile`. */
export async function readLedger(at: Ledger): Promise<Versioned<LedgerHead> | undefined> {
  return await readVersioned(at.store, at.container, ledgerBlobs.head(at.pipeline), ledgerSchema);
}

/** Puts a head in the place of the one that was read. False when another writer was faster. */
export async function putLedger(at: Ledger, head: LedgerHead, before: { etag: string } | undefined): Promise<boolean> {
  const options = { ...inPlaceOf(before), compact: true } as const;
  const writing = writeJson(at.store, at.container, ledgerBlobs.head(at.pipeline), head, options);
  return (await unlessConflict(writing)) !== undefined;
}

/** The error of a head that others keep changing. */
export function busyLedger({ pipeline }: Pick<Ledger, 'pipeline'>): OrdinalError {
  return changedByOthers(ledgerBlobs.head(pipeline));
}

/** Changes the head, if there is one. The very same head changes nothing. Throws `StorageConflict` (retryable). */
async function changeLedger(
  at: Ledger,
  change: (head: LedgerHead) => LedgerHead | Promise<LedgerHead>,
): Promise<LedgerHead | undefined> {
  for (let tries = 0; tries < limits.ledgerTriesMax; tries++) {
    const there = await readLedger(at);
    if (!there) return undefined;
    const after = await change(there.value);
    if (after === there.value || (await putLedger(at, after, there))) return after;
  }
  throw busyLedger(at);
}

/** Whether a claim is of a life. */
export function isOf(of: Life): (claim: VersionClaim) => boolean {
  return ({ runId, life }) => runId === of.runId && life === of.life;
}

/** Writes a table's versions as a life's segment, once. */
export async function writeDelta(at: Ledger, of: Life, table: KeyTable): Promise<SegmentPlace> {
  const { bytes, place, digest } = segmentOf(table);
  const blob = ledgerBlobs.claim(at.pipeline, of, digest);
  await writeOnce(at.store, at.container, blob, bytes);
  return { blob, ...place };
}

/** The head without claims whose fate is known: those that were published are read now, and closed ones are gone. */
export async function withoutDecided(
  head: LedgerHead,
  mine: (claim: VersionClaim) => boolean,
  fateOf: (claim: VersionClaim) => Promise<Fate>,
): Promise<LedgerHead> {
  let next = head;
  for (const claim of head.claims.filter(mine)) {
    const fate = await fateOf(claim);
    if (fate === 'open') continue;
    const claims = next.claims.filter((other) => other !== claim);
    next = fate === 'read' ? { ...withSegment(next, claim.delta), claims } : { ...next, claims };
  }
  return next;
}

/** A segment that is there already stays as it is: a life that reads again what was read may claim it twice. */
function withSegment(head: LedgerHead, place: SegmentPlace): LedgerHead {
  if (head.entries.some(({ blob }) => blob === place.blob)) return head;
  const number = head.number + 1;
  const entry: IndexEntry = { ...place, ids: null, level: 0, from: number, to: number };
  return { ...head, number, entries: [...head.entries, entry] };
}

/**
 * Takes in what a life has claimed, or frees it, as its fate is. A life that claimed nothing changes nothing.
 * @returns whether the ledger has many segments now; undefined when the pipeline has no ledger
 */
export async function settleClaims(
  at: Ledger,
  of: Life,
  fateOf: (claim: VersionClaim) => Promise<Fate>,
): Promise<{ crowded: boolean } | undefined> {
  const head = await changeLedger(at, (found) => withoutDecided(found, isOf(of), fateOf));
  return head && { crowded: crowded(head.entries, SEGMENTS_PER_LEVEL) !== undefined };
}

/** Adds versions that a life has published without a claim. Nothing for a pipeline without a ledger. */
export async function addVersions(at: Ledger, of: Life, table: KeyTable): Promise<void> {
  if (table.size === 0 || !(await readLedger(at))) return;
  const place = await writeDelta(at, of, table);
  await changeLedger(at, (head) => withSegment(head, place));
}

/** Frees a claim of a life that reads nothing. */
export async function freeClaim(at: Ledger, of: Life): Promise<void> {
  await settleClaims(at, of, async () => 'closed');
}

/** Merges segments, as a key index does. Gives how many merges were made. */
export async function compactLedger(at: Ledger, perLevel: number = SEGMENTS_PER_LEVEL): Promise<number> {
  for (let merges = 0; ; merges++) {
    const head = (await readLedger(at))?.value;
    const found = head && crowded(head.entries, perLevel);
    if (!found) return merges;
    const [from, to] = [found[0]!.from, found.at(-1)!.to];
    const names = found.map(({ blob }) => blob);
    const digest = createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 16);
    const blob = ledgerBlobs.merged(at.pipeline, to, digest);
    const sources = found.map((segment) => storedSource(at, segment));
    const place = await writeMerged(at, blob, sources, 'newest');
    const merged: IndexEntry = { ...place, ids: null, level: found[0]!.level + 1, from, to };
    let replaced = false;
    await changeLedger(at, (now) => {
      const first = now.entries.findIndex((entry) => entry.blob === names[0]);
      replaced = first >= 0 && names.every((name, i) => now.entries[first + i]?.blob === name);
      return replaced ? { ...now, entries: now.entries.toSpliced(first, names.length, merged) } : now;
    });
    // A reader that still has the old head finds them gone, and reads the head again.
    if (replaced) for (const name of names) await at.store.remove(at.container, name);
  }
}

/** A ledger in figures, for operators. A version that was read twice may count twice. */
export function ledgerSummary({ entries, claims }: LedgerHead) {
  return {
    versions: entries.reduce((sum, { keys }) => sum + keys, 0),
    segments: entries.length,
    claims: claims.map(({ runId, life, delta }) => ({ runId, life, versions: delta.keys })),
  };
}

/** The head of a ledger that has exactly these versions, and the claims of the head before. */
export async function rebuiltLedger(at: Ledger, before: LedgerHead | undefined, table: KeyTable): Promise<LedgerHead> {
  const head = before ?? emptyLedger(at.pipeline);
  const number = head.number + 1;
  if (table.size === 0) return { ...head, number, entries: [] };
  const { bytes, place, digest } = segmentOf(table);
  const blob = ledgerBlobs.merged(at.pipeline, number, digest);
  await at.store.write(at.container, blob, bytes);
  // As many levels up as if it had been merged of segments of one version each.
  const level = Math.ceil(Math.log(table.size) / Math.log(SEGMENTS_PER_LEVEL));
  return { ...head, number, entries: [{ ...place, blob, ids: null, level, from: 0, to: number }] };
}
