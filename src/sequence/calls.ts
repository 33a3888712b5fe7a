/**
 * How orchestrators ask sequences and leases: an operation as a value, and one generator that puts it to its entity.
 * Orchestrations and operators' commands call it.
 *
 * ```ts
 * const reservation = yield* askEntity(context.df, reserveOperation('flights.flight_id', { owner, attempt, count, start: '1', step: '1' }));
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
 * Asks for `count` IDs. The same owner and life get the same ranges again.
 * @param sequence name of the sequence
 * @param input owner, life of the owner, and what the operation needs
 * @returns the operation, to be put by `askEntity`
 */
export function reserveOperation(
  sequence: string,
  input: Input<SequenceOperation, 'reserve'>,
): EntityCall<SequenceResult<'reserve'>> {
  return onSequence(sequence, 'reserve', input);
}

/**
 * Says that an owner's IDs are published.
 * @param sequence name of the sequence
 * @param input owner, life of the owner, and what the operation needs
 * @returns the operation, to be put by `askEntity`
 */
export function commitOperation(
  sequence: string,
  input: Input<SequenceOperation, 'commit'>,
): EntityCall<SequenceResult<'commit'>> {
  return onSequence(sequence, 'commit', input);
}

/**
 * Gives back what an owner reserved.
 * @param sequence name of the sequence
 * @param input owner, life of the owner, and what the operation needs
 * @returns the operation, to be put by `askEntity`
 */
export function releaseOperation(
  sequence: string,
  input: Input<SequenceOperation, 'release'>,
): EntityCall<SequenceResult<'release'>> {
  return onSequence(sequence, 'release', input);
}

/**
 * Asks what a sequence holds; `owner` asks about one owner too.
 * @param sequence name of the sequence
 * @param input owner, life of the owner, and what the operation needs
 * @returns the operation, to be put by `askEntity`
 */
export function showOperation(
  sequence: string,
  input: Input<SequenceOperation, 'show'> = {},
): EntityCall<SequenceResult<'show'>> {
  return onSequence(sequence, 'show', input);
}

/**
 * Asks for the lease, or for the place in its line.
 * @param lease name of the lease: the key index that it guards
 * @param input owner, life of the owner, and what the operation needs
 * @returns the operation, to be put by `askEntity`
 */
export function acquireLeaseOperation(lease: string, input: Input<LeaseOperation, 'acquire'>): EntityCall<LeaseResult> {
  return onLease(lease, 'acquire', input);
}

/**
 * Gives the lease, or the place in its line, back.
 * @param lease name of the lease: the key index that it guards
 * @param input owner, life of the owner, and what the operation needs
 * @returns the operation, to be put by `askEntity`
 */
export function releaseLeaseOperation(lease: string, input: Input<LeaseOperation, 'release'>): EntityCall<LeaseResult> {
  return onLease(lease, 'release', input);
}

/**
 * Takes a run that was found dead out of the line.
 * @param lease name of the lease: the key index that it guards
 * @param input owner, life of the owner, and what the operation needs
 * @returns the operation, to be put by `askEntity`
 */
export function evictLeaseOperation(lease: string, input: Input<LeaseOperation, 'evict'>): EntityCall<LeaseResult> {
  return onLease(lease, 'evict', input);
}

function onSequence<K extends keyof SequenceAnswers>(
  key: string,
  operation: K,
  input: object,
): EntityCall<SequenceResult<K>> {
  return { entity: { name: sequenceEntityName, key }, operation, input };
}

function onLease(key: string, operation: LeaseOperation['kind'], input: object): EntityCall<LeaseResult> {
  return { entity: { name: leaseEntityName, key }, operation, input };
}
