/**
 * The lease of a keyed entity: one run at a time resolves new keys and publishes them. A pure function from (state,
 * operation) to (state, answer), without a clock, that never throws. There is one lease per keyed entity.
 *
 * - Fair: runs are served in the order of their first `acquire`. Release and eviction hand the lease to the next in line
 *   at once, so nobody waits on a free lease; the next in line learns of it when it asks again.
 * - A waiting run repeats `acquire` between durable timers. That is the only way to wait: nothing here calls back.
 * - A lease has no time limit. Its holder is dead when its run's status says so; whoever finds that out calls `evict`.
 *   A dead run in the queue is handed the lease in its turn, found dead like any holder, and evicted.
 * - `attempt` tells the lives of a run apart: a restarted run keeps what it had, with a new `term`; release and eviction
 *   meant for its earlier life come to nothing.
 * - A run that needs several leases acquires them one after the other in the order of their names. Whoever holds the
 *   last name in question waits for nobody, so there is always one run that can go on: no deadlock.
 */
import { z } from 'zod';
import { type ErrorValue, invariant, OrdinalError, refuseNewer, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { parseWith } from './operations.ts';
import { attemptSchema, ownerSchema } from './state.ts';

const claimSchema = z.strictObject({ owner: ownerSchema, attempt: attemptSchema });
/** What the entity keeps. */
export const leaseStateSchema = z.strictObject({
  version: z.literal(1),
  /** Grants so far: each gets a higher number, so what an earlier holder still writes can be told apart. */
  term: z.int().nonnegative(),
  /** First the holder, then those who wait, in order. */
  line: z.array(claimSchema),
});

/** The entity's state: a JSON object. */
export type LeaseState = z.infer<typeof leaseStateSchema>;
type Claim = z.infer<typeof claimSchema>;

const operationSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('acquire'),
    owner: ownerSchema,
    attempt: attemptSchema.default(0),
    above: z.int().nonnegative().exactOptional(),
  }),
  z.strictObject({ kind: z.literal('release'), owner: ownerSchema, attempt: attemptSchema.default(0) }),
  z.strictObject({
    kind: z.literal('evict'),
    holder: ownerSchema,
    attempt: attemptSchema.default(0),
    owner: ownerSchema,
  }),
  z.strictObject({ kind: z.literal('show') }),
]);

/**
 * `acquire` with `above`, by the holder: its grant, and all later ones, have numbers above that one. `evict` takes `holder`, a run found dead, out of the line, wherever it stands; `attempt` is the one that was found
 * dead (`holderAttempt` of an answer), and `owner` is who found out.
 */
export type LeaseOperation = z.input<typeof operationSchema>;
type ParsedOperation = z.output<typeof operationSchema>;

/** How a lease stands after an operation. */
export interface LeaseAnswer {
  ok: true;
  /** Whether the asking run holds the lease now. False for `show` and `evict` by an outsider. */
  granted: boolean;
  /** The run that holds the lease after the operation, and its attempt; absent when nobody does. */
  holder?: string;
  holderAttempt?: number;
  /** Number of the holder's grant, or of the last one. */
  term: number;
  /** Place of the asking run: 0 holds the lease, 1 is next; -1 when it is not in line. */
  position: number;
  /** Runs that wait behind the holder. */
  waiting: number;
  /** Whether the operation took a claim out of the line (`release`, `evict`). */
  removed: boolean;
}

/** An answer, or why there is none. */
export type LeaseResult = LeaseAnswer | { ok: false; error: ErrorValue };

/**
 * Applies one operation. On a refusal the state comes back as it was. `undefined` is a lease never asked for.
 * @param state the state before; undefined when the lease was never asked for
 * @param operation what came over the wire
 * @returns the state after, and the answer; a refusal is an answer
 */
export function reduceLeaseAny(
  state: LeaseState | undefined,
  operation: unknown,
): { state: LeaseState | undefined; result: LeaseResult } {
  try {
    const parsed = parseWith(operationSchema, operation);
    const before = state === undefined ? { version: 1 as const, term: 0, line: [] } : readState(state);
    const { lease, removed } = apply(before, parsed);
    const result = answer(lease, 'owner' in parsed ? parsed.owner : undefined, removed);
    if (lease === before) return { state, result };
    assertLease(lease);
    return { state: lease, result };
  } catch (thrown) {
    return { state, result: { ok: false, error: toErrorValue(thrown) } };
  }
}

interface Step {
  /** The lease after the operation; the very same object when nothing changed. */
  lease: LeaseState;
  removed: boolean;
}

function apply(lease: LeaseState, operation: ParsedOperation): Step {
  switch (operation.kind) {
    case 'acquire':
      return {
        lease: acquire(lease, { owner: operation.owner, attempt: operation.attempt }, operation.above),
        removed: false,
      };
    case 'release':
      return remove(lease, operation.owner, operation.attempt);
    case 'evict':
      return remove(lease, operation.holder, operation.attempt);
    case 'show':
      return { lease, removed: false };
  }
}

function acquire(lease: LeaseState, claim: Claim, above = -1): LeaseState {
  const place = lease.line.findIndex((other) => other.owner === claim.owner);
  const known = lease.line[place];
  if (known && claim.attempt < known.attempt) {
    throw new OrdinalError(
      'LeaseConflict',
      `attempt ${claim.attempt} of ${claim.owner} is stale: attempt ${known.attempt} is in line`,
      {
        remedy: 'Stop: a later life of the run is at work.',
      },
    );
  }
  if (known?.attempt === claim.attempt) {
    return place === 0 && above >= lease.term ? { ...lease, term: above + 1 } : lease;
  }
  if (known) return withLine(lease, lease.line.with(place, claim));
  if (lease.line.length > limits.leaseWaitersMax) {
    throw new OrdinalError('LimitExceeded', `${lease.line.length - 1} runs wait for this lease, as many as may`, {
      retryable: true,
      remedy: 'Try again later, and start fewer runs at once on one keyed entity.',
    });
  }
  return withLine(lease, [...lease.line, claim]);
}

/** Takes a run's claim out of the line, unless a later life of the run has renewed it. */
function remove(lease: LeaseState, owner: string, attempt: number): Step {
  const line = lease.line.filter((claim) => claim.owner !== owner || claim.attempt > attempt);
  if (line.length === lease.line.length) return { lease, removed: false };
  return { lease: withLine(lease, line), removed: true };
}

/** The lease with another line; a new head, or a new life of the old one, is a new grant. */
function withLine(lease: LeaseState, line: Claim[]): LeaseState {
  const [before, after] = [lease.line[0], line[0]];
  const granted = after && (before?.owner !== after.owner || before.attempt !== after.attempt);
  return { ...lease, term: lease.term + (granted ? 1 : 0), line };
}

function answer(lease: LeaseState, owner: string | undefined, removed: boolean): LeaseAnswer {
  const [holder] = lease.line;
  const position = lease.line.findIndex((claim) => claim.owner === owner);
  return {
    ok: true,
    granted: position === 0,
    ...(holder && { holder: holder.owner, holderAttempt: holder.attempt }),
    term: lease.term,
    position,
    waiting: Math.max(0, lease.line.length - 1),
    removed,
  };
}

function readState(state: LeaseState): LeaseState {
  refuseNewer(state, 1, 'the stored state of the lease');
  const parsed = leaseStateSchema.safeParse(state);
  if (!parsed.success)
    throw new OrdinalError('Internal', `the stored state is not a lease: ${parsed.error.issues[0]?.message}`);
  assertLease(parsed.data);
  return parsed.data;
}

function assertLease(lease: LeaseState): void {
  invariant(new Set(lease.line.map((claim) => claim.owner)).size === lease.line.length, 'a run stands in line once');
  invariant(lease.line.length <= limits.leaseWaitersMax + 1, 'the line is bounded');
  const bytes = Buffer.byteLength(JSON.stringify(lease));
  invariant(bytes <= limits.entityStateBytesMax, `lease state of ${bytes} bytes`);
}
