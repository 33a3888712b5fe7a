/**
 * How orchestrators ask sequences and leases: an operation as a value, and one generator that puts it to its entity.
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
  callEntity(
    entityId: { readonly name: string; readonly key: string },
    operationName: string,
    operationInput?: unknown,
  ): Task;
}

type Input<O, K> = Omit<Extract<O, { kind: K }>, 'kind'>;

/** Asks an entity from an orchestrator: `yield* askEntity(context.df, operation)`. Throws `Internal` on an answer that is none. */
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
  readonly Task: { all(tasks: Task[]): Task };
}

/** Asks several sequences at once; refusals are among the answers. */
export function* askEach<K extends keyof SequenceAnswers>(
  df: EntitiesCaller,
  calls: readonly EntityCall<SequenceResult<K>>[],
): Generator<Task, SequenceResult<K>[], unknown> {
  if (calls.length === 0) return [];
  const tasks = calls.map((call) => df.callEntity(call.entity, call.operation, call.input));
  return (yield df.Task.all(tasks)) as SequenceResult<K>[];
}

/** As `askEach`. Throws the first refusal, once all have answered. */
export function* askAll<K extends keyof SequenceAnswers>(
  df: EntitiesCaller,
  calls: readonly EntityCall<SequenceResult<K>>[],
): Generator<Task, Extract<SequenceResult<K>, { ok: true }>[], unknown> {
  const answers = yield* askEach(df, calls);
  for (const answer of answers) if (!answer.ok) throw fromErrorValue(answer.error);
  return answers as Extract<SequenceResult<K>, { ok: true }>[];
}

export function reserveOperation(
  sequence: string,
  input: Input<SequenceOperation, 'reserve'>,
): EntityCall<SequenceResult<'reserve'>> {
  return onSequence(sequence, 'reserve', input);
}

export function commitOperation(
  sequence: string,
  input: Input<SequenceOperation, 'commit'>,
): EntityCall<SequenceResult<'commit'>> {
  return onSequence(sequence, 'commit', input);
}

export function releaseOperation(
  sequence: string,
  input: Input<SequenceOperation, 'release'>,
): EntityCall<SequenceResult<'release'>> {
  return onSequence(sequence, 'release', input);
}

export function showOperation(
  sequence: string,
  input: Input<SequenceOperation, 'show'> = {},
): EntityCall<SequenceResult<'show'>> {
  return onSequence(sequence, 'show', input);
}

export function acquireLeaseOperation(lease: string, input: Input<LeaseOperation, 'acquire'>): EntityCall<LeaseResult> {
  return onLease(lease, 'acquire', input);
}

export function releaseLeaseOperation(lease: string, input: Input<LeaseOperation, 'release'>): EntityCall<LeaseResult> {
  return onLease(lease, 'release', input);
}

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
