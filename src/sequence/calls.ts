/**
 * How orchestrators ask sequences and leases: an operation as a value, and one generator that puts it to its entity.
 * Orchestrations and operators' commands call it.
 *
 * ```ts
 * const reservation = yield* askEntity(context.df, onSequence('reserve', 'flights.flight_id', { owner, attempt, count, start: '1', step: '1' }));
 * if (!reservation.ok) ...
 * ```
 * Operations must be *called*, never signalled: a call is delivered once and in order, and its answer says that it has
 * been applied before the run goes on.
 */
import type { Task } from 'durable-functions';
import { type ErrorValue, fromErrorValue, invariant } from '../errors.ts';
import type { LeaseOperation, LeaseResult } from './lease.ts';
import type { SequenceAnswers, SequenceOperation, SequenceResult } from './operations.ts';

/** Names of the entities: lower case, as the durable extension writes them. */
export const sequenceEntityName = 'sequence';
/** Name of the lease entities. */
export const leaseEntityName = 'lease';

/** One operation on one entity. `R` is the type of its result and exists at compile time only. */
export interface EntityCall<R> {
  entity: { name: string; key: string };
  operation: string;
  input: object;
  readonly result?: R;
}

/** The part of the orchestration context that is needed. */
export interface EntityCaller {
  /** One operation, delivered once and in order; its answer is that of the entity. */
  callEntity(
    entityId: { readonly name: string; readonly key: string },
    operationName: string,
    operationInput?: unknown,
  ): Task;
}

type Input<O, K> = Omit<Extract<O, { kind: K }>, 'kind'>;

/**
 * Asks an entity from an orchestrator: `yield* askEntity(context.df, operation)`. An answer that is none is a defect
 * (Internal).
 * @param df the part of the orchestration context that calls entities
 * @param call one of the operations of this file
 * @returns the answer of the reducer; a refusal is a value
 */
export function* askEntity<R extends { ok: true } | { ok: false; error: ErrorValue }>(
  df: EntityCaller,
  call: EntityCall<R>,
): Generator<Task, R, unknown> {
  const answer = yield df.callEntity(call.entity, call.operation, call.input);
  const isAnswer = typeof answer === 'object' && answer !== null && 'ok' in answer;
  invariant(isAnswer, `${call.entity.name} ${call.entity.key} gave no answer to ${call.operation}`);
  return answer as R;
}

/** What asking several at once needs. */
export interface EntitiesCaller extends EntityCaller {
  readonly Task: {
    /** One task that is done when all are. */
    all(tasks: Task[]): Task;
  };
}

/**
 * Asks several sequences at once; refusals are among the answers.
 * @param df the part of the orchestration context that calls entities
 * @param calls operations, each on another sequence
 * @returns the answers, in that order
 */
export function* askEach<K extends keyof SequenceAnswers>(
  df: EntitiesCaller,
  calls: readonly EntityCall<SequenceResult<K>>[],
): Generator<Task, SequenceResult<K>[], unknown> {
  if (calls.length === 0) return [];
  const tasks = calls.map((call) => df.callEntity(call.entity, call.operation, call.input));
  return (yield df.Task.all(tasks)) as SequenceResult<K>[];
}

/**
 * As `askEach`. Throws the first refusal, once all have answered.
 * @param df the part of the orchestration context that calls entities
 * @param calls operations, each on another sequence
 * @returns the answers, in that order
 */
export function* askAll<K extends keyof SequenceAnswers>(
  df: EntitiesCaller,
  calls: readonly EntityCall<SequenceResult<K>>[],
): Generator<Task, Extract<SequenceResult<K>, { ok: true }>[], unknown> {
  const answers = yield* askEach(df, calls);
  for (const answer of answers) if (!answer.ok) throw fromErrorValue(answer.error);
  return answers as Extract<SequenceResult<K>, { ok: true }>[];
}

/**
 * An operation on a sequence, to be put by `askEntity`.
 * @param operation what is asked: to reserve IDs, to say that they are published, to give them back, or what it holds
 * @param key name of the sequence
 * @param input owner, its attempt, and what else the operation needs
 * @returns the operation
 */
export function onSequence<K extends keyof SequenceAnswers>(
  operation: K,
  key: string,
  input: Input<SequenceOperation, K>,
): EntityCall<SequenceResult<K>> {
  return { entity: { name: sequenceEntityName, key }, operation, input };
}

/**
 * An operation on a lease, to be put by `askEntity`.
 * @param operation what is asked: for the lease or a place in its line, to give that back, or to take a dead run out
 * @param key name of the lease: the key index that it guards
 * @param input owner, its attempt, and what else the operation needs
 * @returns the operation
 */
export function onLease<K extends LeaseOperation['kind']>(
  operation: K,
  key: string,
  input: Input<LeaseOperation, K>,
): EntityCall<LeaseResult> {
  return { entity: { name: leaseEntityName, key }, operation, input };
}
