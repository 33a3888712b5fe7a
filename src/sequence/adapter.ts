/**
 * The thin shell that makes the reducers durable entities (durable-functions 3.5, `context.df`), and the only caller of
 * the SDK's `setState` and `return`. The SDK leaves three traps, each of which hands out IDs twice or loses them:
 *
 * - `return` called twice in an operation shifts the results of every later operation of the batch by one: the next
 *   caller gets somebody else's range;
 * - a throw after `setState` keeps the new state and answers `{}`: IDs that nobody got;
 * - a bigint in the state or the result throws inside those calls, with the same outcome.
 *
 * So an operation calls `setState` once and then `return` once, at its very end, with values that have already been
 * through JSON; it throws nothing, and an error is an answer: `{ ok: false, error }`.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EntityContext } from 'durable-functions';
import { invariant, toErrorValue } from '../errors.ts';
import { type LeaseState, reduceLeaseAny } from './lease.ts';
import type { Refusal } from './operations.ts';
import { reduceAny } from './reducer.ts';
import type { SequenceState } from './state.ts';

export { leaseEntityName, sequenceEntityName } from './calls.ts';

type Answer = { ok: true } | Refusal;
type Reducer<S> = (state: S | undefined, operation: unknown) => { state: S | undefined; result: Answer };

/**
 * The entity of a sequence. Its key is the sequence's name.
 * @param context what the SDK hands to an entity: its state and one operation
 */
export function sequenceEntity(context: EntityContext<SequenceState>): void {
  runOperation(context, reduceAny);
}

/**
 * The entity of a lease. Its key is `<pipeline>.<entity>`.
 * @param context what the SDK hands to an entity: its state and one operation
 */
export function leaseEntity(context: EntityContext<LeaseState>): void {
  runOperation(context, reduceLeaseAny);
}

/**
 * Runs one entity operation through a pure reducer. Whatever the reducer does (throw, return a value that is no JSON),
 * the state is then as it was and the caller gets an error value. A state that cannot be read is left alone.
 * @param context what the SDK hands to an entity: its state and one operation
 * @param reducer a pure function of state and operation
 */
export function runOperation<S extends object>(context: EntityContext<S>, reducer: Reducer<S>): void {
  const { df } = context;
  const { state, result } = decide(df, reducer);
  if (state !== undefined) df.setState(state);
  df.return(result);
  // `return` alone makes an entity exist: one that still has no state must not come into being by being asked.
  if (state === undefined && df.isNewlyConstructed) df.destructOnExit();
}

interface Outcome<S> {
  /** The state to write; undefined when there is none, or when the stored one must not be touched. */
  state: S | undefined;
  result: Answer;
}

function decide<S extends object>(df: EntityContext<S>['df'], reducer: Reducer<S>): Outcome<S> {
  let before: S | undefined;
  try {
    before = df.getState() ?? undefined;
    const operation = { ...inputOf(df), kind: df.operationName };
    const { state, result } = reducer(before, operation);
    return { state: state === undefined ? undefined : throughJson(state), result: throughJson(named(df, result)) };
  } catch (thrown) {
    return { state: before, result: named(df, { ok: false, error: toErrorValue(thrown) }) };
  }
}

/** The operation's input; one that is no object becomes a member that no operation knows, to be refused by name. */
function inputOf<S>(df: EntityContext<S>['df']): object {
  const input = df.getInput<unknown>() ?? {};
  return typeof input === 'object' ? input : { input };
}

/** The value as JSON carries it, proven equal to what was given. Throws for what JSON cannot hold, or would alter. */
function throughJson<T extends object>(value: T): T {
  invariant(typeof value === 'object' && value !== null, 'an entity writes and answers objects');
  const copy = JSON.parse(JSON.stringify(value)) as T;
  invariant(isDeepStrictEqual(copy, value), 'an entity writes and answers plain JSON values');
  return copy;
}

/** An error that says which sequence or lease it is about. */
function named<S>(df: EntityContext<S>['df'], result: Answer): Answer {
  if (result.ok) return result;
  const { error } = result;
  return { ok: false, error: { ...error, message: `${df.entityName} ${df.entityKey}: ${error.message}` } };
}
