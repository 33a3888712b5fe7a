/**
 * Turns an entity's messages into a batch for the entity function, and the function's reply into changes. `runtime.ts`
 * and `dispatch.ts` call it. Its functions are pure: they do no I/O. While an entity is locked, only operations of the
 * lock's holder may run.
 */
import type { ThrownError } from './failure.ts';
import {
  type Change,
  type EntityRecord,
  type EntityRequest,
  entityId,
  type InstanceRecord,
  isTerminal,
  type Message,
  type Ports,
  parseEntityId,
  type StoredMessage,
} from './model.ts';

/** The entity function's reply (`DF/entities/EntityState.js`). */
export interface EntityReply {
  results: { isError: boolean; duration: number; startTime: number; result?: string }[];
  signals: { target: { name: string; key: string }; name: string; input: string; requestTime: number }[];
  entityExists: boolean;
  entityState?: string;
}

export interface EntityBatch {
  record: EntityRecord;
  operations: EntityRequest[];
  consumed: number[];
  /** Changes made before the batch, without user code: locks taken and given back. */
  before: Change[];
  /** The entity trigger's value as JSON text. */
  trigger: string;
}

export interface EntityOptions {
  batchSizeMax: number;
  lookup: (instanceId: string) => InstanceRecord | undefined;
}

/**
 * Takes from an entity's due messages what can be done now: releases and lock requests in their turn, then operations
 * up to the next lock request. While the entity is locked, only its holder's operations are taken; the others stay.
 * Pure.
 *
 * @returns a batch to invoke, or the changes alone when no operation is due.
 */
export function beginBatch(
  found: EntityRecord,
  inbox: readonly StoredMessage[],
  options: EntityOptions,
): { batch?: EntityBatch; changes: Change[]; record: EntityRecord; more: boolean } {
  let record = dropDeadHolder(found, options);
  let changed = record !== found;
  const operations: EntityRequest[] = [];
  const consumed: number[] = [];
  const before: Change[] = [];
  const released = releasedBefore(inbox);
  let more = false;

  for (const { seq, message } of inbox) {
    if (message.kind === 'release') {
      if (operations.length > 0) {
        more = true;
        break;
      }
      if (record.lockedBy?.lockId === message.lockId) {
        record = { ...record, lockedBy: null };
        changed = more = true;
      }
      consumed.push(seq);
      continue;
    }
    if (message.kind !== 'operation') {
      consumed.push(seq);
      continue;
    }
    const { request } = message;
    if (record.lockedBy !== null && request.parent !== record.lockedBy.instanceId) continue;
    if (request.lockset !== undefined) {
      if (operations.length > 0) {
        more = true;
        break;
      }
      consumed.push(seq);
      if (released.has(request.id) || !isWaiting(request, options)) continue;
      record = { ...record, lockedBy: { instanceId: request.parent ?? '', lockId: request.id } };
      changed = more = true;
      before.push(passOn(request));
      continue;
    }
    if (operations.length === options.batchSizeMax) {
      more = true;
      break;
    }
    operations.push(request);
    consumed.push(seq);
  }

  const saved: Change[] = changed ? [rowOf(record)] : [];
  const settled: Change[] = [{ type: 'consume', seqs: consumed }, ...saved, ...before];
  if (operations.length === 0) return { changes: settled, record, more: more && changed };
  const batch: EntityBatch = { record, operations, consumed, before, trigger: triggerText(record, operations) };
  return { batch, changes: [], record, more };
}

/** Locks whose release has already arrived. Their request is still queued and must not take the lock any more. */
function releasedBefore(inbox: readonly StoredMessage[]): Set<string> {
  return new Set(inbox.flatMap(({ message }) => (message.kind === 'release' ? [message.lockId] : [])));
}

/** A lock request counts only while the orchestration that sent it waits. Otherwise nobody would release the lock. */
function isWaiting(request: EntityRequest, options: EntityOptions): boolean {
  const parent = options.lookup(request.parent ?? '');
  return parent !== undefined && !isTerminal(parent.status) && parent.executionId === request.parentExecution;
}

function dropDeadHolder(record: EntityRecord, options: EntityOptions): EntityRecord {
  if (record.lockedBy === null) return record;
  const holder = options.lookup(record.lockedBy.instanceId);
  return holder === undefined || isTerminal(holder.status) ? { ...record, lockedBy: null } : record;
}

/** The lock request goes on to the next entity; the last one tells the orchestration. */
function passOn(request: EntityRequest): Change {
  const lockset = request.lockset ?? [];
  const pos = (request.pos ?? 0) + 1;
  const next = lockset[pos];
  if (next !== undefined) {
    const message: Message = { kind: 'operation', request: { ...request, pos } };
    return { type: 'send', target: entityId(next.name, next.key), visibleAt: 0, message };
  }
  return answer(request, { result: JSON.stringify('Lock Acquisition Completed') });
}

function answer(request: EntityRequest, response: { result: string | null; exceptionType?: string }): Change {
  const message: Message = {
    kind: 'event',
    name: request.id,
    input: JSON.stringify(response),
    ...(request.parentExecution !== undefined && { executionId: request.parentExecution }),
  };
  return { type: 'send', target: request.parent ?? '', visibleAt: 0, message };
}

function triggerText(record: EntityRecord, operations: readonly EntityRequest[]): string {
  return JSON.stringify({
    self: parseEntityId(record.entityId),
    exists: record.exists,
    state: record.state,
    batch: operations.map((request) => ({
      name: request.op ?? '',
      input: request.input ?? null,
      isSignal: request.signal === true,
    })),
  });
}

/** Settles an invoked batch: state, answers and signals as one set of changes. Pure. */
export function finishBatch(
  ports: Ports,
  batch: EntityBatch,
  reply: EntityReply,
): { changes: Change[]; record: EntityRecord } {
  const record: EntityRecord = {
    ...batch.record,
    exists: reply.entityExists,
    state: reply.entityExists ? (reply.entityState ?? null) : null,
    updatedAt: ports.now(),
  };
  const answers = batch.operations.flatMap((request, index) => {
    if (request.signal === true || request.parent === undefined) return [];
    const result = reply.results[index];
    const response = result?.isError
      ? { result: result.result ?? null, exceptionType: 'Error' }
      : { result: result?.result ?? null };
    return [answer(request, response)];
  });
  return { changes: [...commitOf(batch, record), ...answers, ...signalsOf(ports, reply)], record };
}

/** Gives this error to every caller of the batch, because the function ran out of time. */
export function failBatch(batch: EntityBatch, error: ThrownError): Change[] {
  const response = { result: JSON.stringify(error.message), exceptionType: 'Error' };
  const calls = batch.operations.filter((request) => request.signal !== true && request.parent !== undefined);
  return [...commitOf(batch, batch.record), ...calls.map((request) => answer(request, response))];
}

function commitOf(batch: EntityBatch, record: EntityRecord): Change[] {
  return [{ type: 'consume', seqs: batch.consumed }, rowOf(record), ...batch.before];
}

/** An entity that neither exists nor is locked is removed from the store. */
function rowOf(record: EntityRecord): Change {
  const gone = !record.exists && record.lockedBy === null;
  return gone ? { type: 'deleteEntity', entityId: record.entityId } : { type: 'putEntity', record };
}

function signalsOf(ports: Ports, reply: EntityReply): Change[] {
  return reply.signals.map((signal): Change => {
    const request: EntityRequest = {
      id: ports.newId(),
      op: signal.name,
      signal: true,
      ...(signal.input !== '' && { input: signal.input }),
    };
    const target = entityId(signal.target.name, signal.target.key);
    return { type: 'send', target, visibleAt: 0, message: { kind: 'operation', request } };
  });
}

export function newEntity(id: string): EntityRecord {
  return { entityId: id, exists: false, state: null, lockedBy: null, updatedAt: 0 };
}
