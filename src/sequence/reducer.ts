/**
 * The sequence: gap-free blocks of IDs for runs that may fail, be repeated or be restarted. A pure function from
 * (state, operation) to (state, answer): no clock, no I/O, and it never throws. `adapter.ts` makes it an entity.
 *
 * - An owner has one reservation. The same count again gets the same ranges, while it is open and, after its commit,
 *   while the owner is remembered (`limits.rememberedOwnersMax` finished owners). Another count is a conflict.
 * - Released ranges are handed out again first. A release at the end moves the high-water mark back. So once every
 *   reservation is closed, committed IDs and free ranges fill the sequence without a hole.
 * - `attempt` tells the lives of an owner apart (a run restarted under the same ID). A later attempt takes an open
 *   reservation over, and may reserve anew after a release; an earlier attempt is refused as stale from then on. So an
 *   operation delivered twice, or late, never changes anything, as long as its owner is remembered.
 * - State is bounded: owners by count, and ranges by `limits.sequenceRangesMax`. Remembered owners are forgotten first;
 *   a reservation that would still go beyond is refused as retryable while others are open. It is never refused when
 *   nothing else is open, and closing a reservation never needs room, so the sequence cannot get stuck.
 */
import { OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { drawn, reserved, show } from './answers.ts';
import { countOf, type IdRange, toJson } from './id-range.ts';
import type {
  ParsedOperation,
  RaiseAnswer,
  ReleaseAnswer,
  ReservationAnswer,
  ReserveAnswer,
  RestoreAnswer,
  SequenceAnswer,
  SequenceResult,
} from './operations.ts';
import { parseOperation } from './operations.ts';
import { above, giveBack, type Supply, take } from './ranges.ts';
import {
  type Finished,
  type Ledger,
  liveRangeCount,
  type Reservation,
  rangeCount,
  type SequenceState,
  toLedger,
  toState,
} from './state.ts';

type Asked<K extends ParsedOperation['kind']> = Extract<ParsedOperation, { kind: K }>;

/**
 * Applies one operation. On a refusal the state comes back as it was, the same object; `undefined` is a sequence that
 * does not exist yet, which `reserve`, `raiseTo` and `restore` bring into being.
 * @param state the state before
 * @param operation what came over the wire
 * @returns the state after, and the answer; a refusal is an answer
 */
export function reduceAny(
  state: SequenceState | undefined,
  operation: unknown,
): { state: SequenceState | undefined; result: SequenceResult } {
  try {
    const parsed = parseOperation(operation);
    const ledger = state === undefined ? undefined : toLedger(state);
    const step = apply(ledger, parsed);
    return {
      state: step.ledger === ledger || step.ledger === undefined ? state : toState(step.ledger),
      result: step.answer,
    };
  } catch (thrown) {
    return { state, result: { ok: false, error: toErrorValue(thrown) } };
  }
}

interface Step<A extends SequenceAnswer = SequenceAnswer> {
  /** The ledger after the operation; the very same object when nothing changed. */
  ledger: Ledger | undefined;
  answer: A;
}

function apply(ledger: Ledger | undefined, operation: ParsedOperation): Step {
  switch (operation.kind) {
    case 'reserve':
      return reserve(ledger, operation);
    case 'commit':
      return commit(ledger, operation);
    case 'release':
      return release(ledger, operation);
    case 'raiseTo':
      return raiseTo(ledger, operation);
    case 'restore':
      return restore(ledger, operation);
    case 'show':
      return { ledger, answer: show(ledger, operation.owner) };
  }
}

function reserve(existing: Ledger | undefined, operation: Asked<'reserve'>): Step<ReserveAnswer> {
  const { owner, attempt, count } = operation;
  const ledger = withOptions(existing, operation);
  const open = ledger.open.find((entry) => entry.owner === owner);
  const finished = ledger.finished.find((entry) => entry.owner === owner);
  if (open) {
    refuseStale(open, attempt);
    refuseOtherCount(open, count);
    const kept =
      attempt > open.attempt ? { ...ledger, open: replace(ledger.open, open, { ...open, attempt }) } : ledger;
    return { ledger: kept, answer: drawn(ledger, open, ledger) };
  }
  if (finished?.outcome === 'committed') {
    refuseOtherCount(finished, count);
    return { ledger, answer: drawn(ledger, finished, ledger) };
  }
  if (finished && attempt <= finished.attempt) {
    throw conflict(
      `${owner} has released its reservation (attempt ${finished.attempt})`,
      'Reserve again with a higher attempt, or under another run ID.',
    );
  }
  const { taken, left } = allocate(ledger, owner, count);
  const entry: Reservation = { owner, attempt, ranges: taken };
  const next = {
    ...ledger,
    ...left,
    open: [...ledger.open, entry],
    finished: ledger.finished.filter((other) => other !== finished),
  };
  refuseBeyondRoom(next);
  return { ledger: forget(next), answer: drawn(ledger, entry, next) };
}

/** The ledger to work on: new with the given start and step, or the existing one, which must have the same. */
function withOptions(
  ledger: Ledger | undefined,
  options: { start?: bigint | undefined; step?: bigint | undefined },
): Ledger {
  const { start, step } = options;
  if (ledger === undefined) {
    if (start === undefined || step === undefined) {
      throw new OrdinalError('InvalidRequest', 'the sequence does not exist yet: its start and step are needed');
    }
    return { start, step, next: start, floor: start, free: [], open: [], finished: [] };
  }
  if ((start !== undefined && start !== ledger.start) || (step !== undefined && step !== ledger.step)) {
    throw conflict(
      `the sequence has start ${ledger.start} and step ${ledger.step}, not start ${start ?? ledger.start} and step ${step ?? ledger.step}`,
      'Use the same start and step in every pipeline, or name another sequence: they are fixed at first use.',
    );
  }
  return ledger;
}

const waitForOthers = {
  retryable: true,
  remedy: 'Wait for other runs to finish, or release the reservations of dead ones.',
};

function allocate(ledger: Ledger, owner: string, count: bigint): { taken: IdRange[]; left: Supply } {
  if (ledger.open.length >= limits.openReservationsMax) {
    throw new OrdinalError('LimitExceeded', `${ledger.open.length} reservations are open`, waitForOthers);
  }
  const taken = take(ledger, count, ledger.step, limits.rangesPerReservationMax);
  if (taken === 'exhausted') {
    throw new OrdinalError('SequenceExhausted', `${owner} asks for ${count} IDs, and fewer are left up to 2^63-1`, {
      remedy: 'Name another sequence, with a smaller start or step.',
    });
  }
  if (taken === 'fragmented') {
    throw new OrdinalError(
      'SequenceExhausted',
      `${count} IDs are left, but in more than ${limits.rangesPerReservationMax} ranges`,
      {
        remedy: 'Split the input over several runs, or name another sequence.',
      },
    );
  }
  return taken;
}

/** Refuses a reservation beyond the ranges that a state may hold, while others are open, whose end will make room. */
function refuseBeyondRoom(ledger: Ledger): void {
  const live = liveRangeCount(ledger);
  if (ledger.open.length <= 1 || live <= limits.sequenceRangesMax) return;
  throw new OrdinalError('LimitExceeded', `free and open IDs would lie in ${live} ranges`, waitForOthers);
}

/** Forgets the oldest finished owners until owners and ranges are within bounds. */
function forget(ledger: Ledger): Ledger {
  let { finished } = ledger;
  const beyond = () =>
    finished.length > limits.rememberedOwnersMax || rangeCount({ ...ledger, finished }) > limits.sequenceRangesMax;
  while (finished.length > 0 && beyond()) finished = finished.slice(1);
  return { ...ledger, finished };
}

function commit(ledger: Ledger | undefined, operation: Asked<'commit'>): Step<ReservationAnswer> {
  const { owner, attempt } = operation;
  const finished = ledger?.finished.find((entry) => entry.owner === owner);
  if (ledger && finished?.outcome === 'committed') return { ledger, answer: reserved(finished) };
  const open = ledger?.open.find((entry) => entry.owner === owner);
  if (!ledger || !open) {
    throw conflict(
      `${owner} has no reservation to commit: ${finished ? 'it was released' : 'none is known'}`,
      'Do not publish its IDs: they may be handed to others.',
    );
  }
  refuseStale(open, attempt);
  return { ledger: finish(ledger, open, { ...open, outcome: 'committed' }), answer: reserved(open) };
}

/**
 * Gives an owner's open reservation back. An owner without one is remembered as released all the same, so that its
 * reservation is refused if it arrives after its release.
 */
function release(ledger: Ledger | undefined, operation: Asked<'release'>): Step<ReleaseAnswer> {
  const { owner, attempt } = operation;
  const nothing: ReleaseAnswer = { ok: true, owner, ranges: [] };
  if (!ledger) return { ledger, answer: nothing };
  const finished = ledger.finished.find((entry) => entry.owner === owner);
  if (finished?.outcome === 'committed')
    throw conflict(
      `${owner} has committed its reservation`,
      'Leave them: they are published, and cannot be given back.',
    );
  if (finished && attempt <= finished.attempt) return { ledger, answer: nothing };
  const open = ledger.open.find((entry) => entry.owner === owner);
  if (open) refuseStale(open, attempt);
  const given = open?.ranges ?? [];
  const supply = giveBack(ledger, above(given, ledger.floor, ledger.step), ledger.step);
  const released: Finished = { owner, attempt, outcome: 'released', ranges: [] };
  return {
    ledger: finish({ ...ledger, ...supply }, open ?? finished, released),
    answer: { ok: true, owner, ranges: given.map(toJson) },
  };
}

/** Moves an owner from where it was to the remembered ones. */
function finish(ledger: Ledger, entry: Reservation | undefined, finished: Finished): Ledger {
  const moved = {
    ...ledger,
    open: ledger.open.filter((other) => other !== entry),
    finished: [...ledger.finished.filter((other) => other !== entry), finished],
  };
  return forget(moved);
}

/**
 * Imports an existing maximum: from now on no ID up to `value` is handed out, for it may be in use where this sequence
 * knows nothing of it. It never lowers, and it lasts: free ranges up to `value` are given up, and so is what open
 * reservations hold there, should they be released. A gap is better than an ID twice; the answer counts what was free.
 */
function raiseTo(existing: Ledger | undefined, operation: Asked<'raiseTo'>): Step<RaiseAnswer> {
  const ledger = withOptions(existing, operation);
  const { start, step, free } = ledger;
  const { value } = operation;
  const floor = value < start ? start : start + ((value - start) / step + 1n) * step;
  if (floor <= ledger.floor) {
    return { ledger, answer: { ok: true, raised: false, next: String(ledger.next), abandoned: '0' } };
  }
  const raised = floor > ledger.next;
  const next = raised ? floor : ledger.next;
  const kept = above(free, floor, step);
  const abandoned = String(countOf(free) - countOf(kept));
  return {
    ledger: { ...ledger, next, floor, free: kept },
    answer: { ok: true, raised, next: String(next), abandoned },
  };
}

/** Puts an exported or rebuilt state in place. Only a sequence that does not exist, or already is in that state, takes it. */
function restore(ledger: Ledger | undefined, operation: Asked<'restore'>): Step<RestoreAnswer> {
  const restored = readRestored(operation.state);
  const answer: RestoreAnswer = { ok: true, next: String(restored.next) };
  if (!ledger) return { ledger: restored, answer };
  if (JSON.stringify(toState(ledger)) !== JSON.stringify(toState(restored))) {
    throw conflict(
      'the sequence is in use, in another state than the one to restore',
      'Raise it (npm run ordinal -- sequences raise), or restore under another name.',
    );
  }
  return { ledger, answer };
}

function readRestored(state: SequenceState): Ledger {
  try {
    return toLedger(state);
  } catch (thrown) {
    throw new OrdinalError(
      'InvalidRequest',
      `the state to restore does not hold together: ${toErrorValue(thrown).message}`,
      {
        where: { field: 'state' },
      },
    );
  }
}

function refuseStale(open: Reservation, attempt: number): void {
  if (attempt >= open.attempt) return;
  throw conflict(
    `attempt ${attempt} of ${open.owner} is stale: attempt ${open.attempt} has taken its reservation over`,
    'Stop: a later life of the run is at work.',
  );
}

function refuseOtherCount(entry: Reservation, count: bigint): void {
  const reserved = countOf(entry.ranges);
  if (reserved === count) return;
  throw conflict(
    `${entry.owner} has reserved ${reserved} IDs and now asks for ${count}`,
    'Start a new run under another ID: the source changed between two attempts.',
  );
}

function conflict(message: string, remedy: string): OrdinalError {
  return new OrdinalError('SequenceConflict', message, { remedy });
}

function replace(entries: Reservation[], entry: Reservation, by: Reservation): Reservation[] {
  return entries.map((other) => (other === entry ? by : other));
}
