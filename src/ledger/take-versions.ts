/**
 * What a life takes of the versions that its source lists: those that no published run has read and no other run has
 * claimed. The plan calls it before it reads a footer. The look at the ledger and the claim are one conditional put, so
 * two lives never take one version, whatever else they share.
 */
import { OrdinalError } from '../errors.ts';
import type { KeyTable } from '../keys/table.ts';
import { limits } from '../limits.ts';
import { type Life, lifeId } from '../storage/names.ts';
import { busyLedger, type Fate, isOf, type Ledger, putLedger, readLedger, writeDelta } from './ledger.ts';
import { emptyLedger, type LedgerHead, type LeftOut, type VersionClaim } from './ledger-documents.ts';
import { findVersions, hashesOf, tableOf, type Version } from './versions.ts';

/** What a life wants of a source. */
export interface Wish {
  of: Life;
  /** Where its manifest will be, which decides whether the claim becomes a reading. */
  manifest: { container: string; name: string };
  /**
   * `new`: what nobody has read. `all`: all, and nothing if somebody has read some. `again`: all, also what was read.
   */
  versions: 'new' | 'all' | 'again';
  /** A dry run looks, and claims nothing. */
  dryRun: boolean;
  /** Whether the lives that hold what this one wants were asked about: those that still do are alive. */
  asked: boolean;
  fateOf: (claim: VersionClaim) => Promise<Fate>;
  /** Called when the pipeline has no ledger: makes one of what was published before there were ledgers. */
  makeFirst: () => Promise<void>;
}

export interface Taken<V extends Version> {
  versions: V[];
  leftOut: LeftOut;
  /** The segment that the life has claimed, if it has claimed any: its manifest names it. */
  claim?: string;
}

/** Lives that have claimed some of the versions and may be dead: to be asked about, and settled if so. */
export interface Claimers {
  claimers: string[];
}

/**
 * Takes versions for a life.
 *
 * @param listed distinct versions.
 * @returns what it takes, in the order of `listed`; or whom to ask about before that can be said.
 * @throws OrdinalError `AlreadyRead` when all are wanted and some were read, or are being read.
 * @throws OrdinalError `StorageConflict` (retryable) when others keep changing the ledger, or hold too many claims.
 */
export async function takeVersions<V extends Version>(
  at: Ledger,
  wish: Wish,
  listed: readonly V[],
): Promise<Taken<V> | Claimers> {
  const table = tableOf(listed);
  for (let tries = 0; tries < limits.ledgerTriesMax; tries++) {
    let there = await readLedger(at);
    if (!there && tries === 0) {
      await wish.makeFirst();
      there = await readLedger(at);
    }
    const head = there?.value ?? emptyLedger(at.pipeline);
    const own = head.claims.find(isOf(wish.of));
    if (own) {
      // Another execution of this life was here. What it has claimed is what the life reads.
      const mine = await findVersions(at, [own.delta], table);
      return { versions: listed.filter((_, i) => mine[i]), leftOut: own.leftOut, claim: own.delta.blob };
    }
    const states: State[] =
      wish.versions === 'again' ? listed.map(() => 'free') : await statesOf(at, head, table, wish.fateOf);
    const owners = [...new Set(states.flatMap((state) => (typeof state === 'object' ? [lifeId(state)] : [])))];
    if (owners.length > 0 && !wish.asked && !wish.dryRun)
      return { claimers: owners.slice(0, limits.ledgerClaimersMax) };
    if (wish.versions === 'all') refuseRepeats(listed, states);
    const take = taken(listed, states);
    if (take.versions.length === 0 || wish.dryRun) return take;
    if (head.claims.length >= limits.ledgerClaimsMax) throw tooManyClaims(at);
    const delta = await writeDelta(at, wish.of, tableOf(take.versions));
    // An execution that was held up: the life has published what it took, and the ledger has it.
    if (head.entries.some(({ blob }) => blob === delta.blob)) return { ...take, claim: delta.blob };
    const { runId, life } = wish.of;
    const few = take.versions.length <= limits.ledgerHashesMax;
    const claim: VersionClaim = {
      runId,
      life,
      manifest: wish.manifest,
      delta,
      ...(few && { hashes: hashesOf(tableOf(take.versions)) }),
      leftOut: take.leftOut,
    };
    if (await putLedger(at, { ...head, claims: [...head.claims, claim] }, there)) return { ...take, claim: delta.blob };
  }
  throw busyLedger(at);
}

/** A version is free, or was read, or another life has claimed it. */
type State = 'free' | 'read' | VersionClaim;

/** By ordinal of the table. */
async function statesOf(at: Ledger, head: LedgerHead, table: KeyTable, fateOf: Wish['fateOf']): Promise<State[]> {
  const states = (await findVersions(at, head.entries, table)).map((has): State => (has ? 'read' : 'free'));
  const hashes = new Set(hashesOf(table));
  for (const claim of head.claims) {
    if (claim.hashes && !claim.hashes.some((hash) => hashes.has(hash))) continue;
    const claimed = await claimedBy(at, claim, table, fateOf);
    if (!claimed.some((has, i) => has && states[i] !== 'read')) continue;
    const fate = await fateOf(claim);
    if (fate === 'closed') continue;
    claimed.forEach((has, i) => {
      if (has && states[i] !== 'read') states[i] = fate === 'read' ? 'read' : claim;
    });
  }
  return states;
}

/** Which versions a life has claimed. A closed life's segment may be gone before its claim is: then it has none. */
async function claimedBy(at: Ledger, claim: VersionClaim, table: KeyTable, fateOf: Wish['fateOf']): Promise<boolean[]> {
  try {
    return await findVersions(at, [claim.delta], table);
  } catch (thrown) {
    if ((await fateOf(claim)) === 'closed') return [];
    throw thrown;
  }
}

function taken<V extends Version>(listed: readonly V[], states: readonly State[]): Taken<V> {
  const count = (is: (state: State) => boolean) => states.filter(is).length;
  return {
    versions: listed.filter((_, i) => states[i] === 'free'),
    leftOut: { read: count((state) => state === 'read'), pending: count((state) => typeof state === 'object') },
  };
}

function refuseRepeats(listed: readonly Version[], states: readonly State[]): void {
  const first = states.findIndex((state) => state !== 'free');
  if (first < 0) return;
  const { blob } = listed[first]!;
  const state = states[first]!;
  const count = states.filter((one) => one !== 'free').length;
  const whom = typeof state === 'object' ? `run "${state.runId}" is reading` : 'a published run has read';
  throw new OrdinalError(
    'AlreadyRead',
    `${whom} "${blob}"${count > 1 ? `, and ${count - 1} more of the ${listed.length} blobs were read or are being read` : ''}`,
    {
      where: { blob, field: 'versions' },
      remedy: 'Start with "versions": "new" to read only what is new, or with "again": true to publish its rows again.',
    },
  );
}

function tooManyClaims({ pipeline }: Ledger): OrdinalError {
  return new OrdinalError(
    'StorageConflict',
    `${limits.ledgerClaimsMax} runs of pipeline "${pipeline}" are under way: no more may claim versions`,
    { where: { pipeline }, retryable: true, remedy: 'Wait until some of them have ended.' },
  );
}

/**
 * Which run holds each version: has claimed it, and may still publish it.
 * @param at the ledger.
 * @param versions distinct versions.
 * @param fateOf decides what became of a claim.
 * @returns run IDs, aligned to the versions; undefined where nobody holds one.
 */
export async function holdersOf(
  at: Ledger,
  versions: readonly Version[],
  fateOf: Wish['fateOf'],
): Promise<(string | undefined)[]> {
  const head = (await readLedger(at))?.value;
  const states = head ? await statesOf(at, head, tableOf(versions), fateOf) : [];
  return versions.map((_, i) => {
    const state = states[i];
    return typeof state === 'object' ? state.runId : undefined;
  });
}

/** Whether published runs have read a version, as far as the ledger says. False for a pipeline without a ledger. */
export async function isRead(
  at: Ledger,
  version: Version,
  fateOf: (claim: VersionClaim) => Promise<Fate>,
): Promise<boolean> {
  const head = (await readLedger(at))?.value;
  if (!head) return false;
  return (await statesOf(at, head, tableOf([version]), fateOf))[0] === 'read';
}
