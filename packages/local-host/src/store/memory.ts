/**
 * A store that keeps everything in memory and forgets it when the process ends. The host uses it in tests and with
 * `--state :memory:`. Values are copied in and out, so that no two callers share an object.
 */
import type {
  ActivityWork,
  Change,
  EntityRecord,
  InstanceRecord,
  StoredMessage,
  TimerStatus,
} from '../engine/model.ts';
import type { Committed, EntityQuery, InstanceQuery, Store } from './store.ts';

/** A store in memory. Values are copied, so that no two callers share an object. */
export class MemoryStore implements Store {
  private readonly instanceRows = new Map<string, InstanceRecord>();
  private readonly historyRows = new Map<string, string[]>();
  private readonly entityRows = new Map<string, EntityRecord>();
  private readonly inboxes = new Map<string, Map<number, StoredMessage>>();
  private readonly inboxOf = new Map<number, string>();
  private readonly work = new Map<number, ActivityWork>();
  private readonly timers = new Map<string, TimerStatus>();
  private lastSeq = 0;

  commit(changes: readonly Change[]): Committed {
    this.check(changes);
    const committed: Committed = { sent: [], work: [] };
    for (const change of changes) this.apply(change, committed);
    return committed;
  }

  instance(instanceId: string): InstanceRecord | undefined {
    return copy(this.instanceRows.get(instanceId));
  }

  instances(query: InstanceQuery): InstanceRecord[] {
    return [...this.instanceRows.values()]
      .filter((row) => matches(row, query))
      .sort((a, b) => compareIds(a.instanceId, b.instanceId))
      .slice(0, query.limit)
      .map((row) => structuredClone(row));
  }

  history(instanceId: string): string[] {
    return [...(this.historyRows.get(instanceId) ?? [])];
  }

  entity(entityId: string): EntityRecord | undefined {
    return copy(this.entityRows.get(entityId));
  }

  entities(query: EntityQuery): EntityRecord[] {
    return [...this.entityRows.values()]
      .filter((row) => row.exists && (query.name === undefined || row.entityId.startsWith(`@${query.name}@`)))
      .filter((row) => row.updatedAt >= (query.updatedFrom ?? 0))
      .filter((row) => row.updatedAt <= (query.updatedTo ?? Number.MAX_SAFE_INTEGER))
      .filter((row) => query.after === undefined || compareIds(row.entityId, query.after) > 0)
      .sort((a, b) => compareIds(a.entityId, b.entityId))
      .slice(0, query.limit)
      .map((row) => structuredClone(row));
  }

  timer(name: string): TimerStatus | undefined {
    return copy(this.timers.get(name));
  }

  inbox(target: string, now: number, limit: number): StoredMessage[] {
    const due: StoredMessage[] = [];
    for (const message of this.inboxes.get(target)?.values() ?? []) {
      if (due.length === limit) break;
      if (message.visibleAt <= now) due.push(structuredClone(message));
    }
    return due;
  }

  waitingTargets(): { target: string; visibleAt: number }[] {
    const waiting: { target: string; visibleAt: number }[] = [];
    for (const [target, messages] of this.inboxes) {
      for (const { visibleAt } of messages.values()) waiting.push({ target, visibleAt });
    }
    return waiting;
  }

  pendingWork(): ActivityWork[] {
    return [...this.work.values()].map((work) => ({ ...work }));
  }

  hasWork(seq: number): boolean {
    return this.work.has(seq);
  }

  close(): void {}

  /** Refuses all changes before any is applied, in the cases in which SQLite's keys would refuse them. */
  private check(changes: readonly Change[]): void {
    const lengths = new Map<string, number>();
    for (const change of changes) {
      if (change.type === 'clearHistory' || change.type === 'deleteInstance') lengths.set(change.instanceId, 0);
      if (change.type !== 'appendHistory') continue;
      const { instanceId, from, events } = change;
      const length = lengths.get(instanceId) ?? this.historyRows.get(instanceId)?.length ?? 0;
      if (length !== from) throw new Error(`The history of ${instanceId} has ${length} events, not ${from}.`);
      lengths.set(instanceId, length + events.length);
    }
  }

  private apply(change: Change, committed: Committed): void {
    switch (change.type) {
      case 'putInstance':
        this.instanceRows.set(change.record.instanceId, structuredClone(change.record));
        break;
      case 'deleteInstance':
        this.instanceRows.delete(change.instanceId);
        this.historyRows.delete(change.instanceId);
        this.clearInbox(change.instanceId);
        break;
      case 'appendHistory': {
        const events = this.historyRows.get(change.instanceId) ?? [];
        if (events.length !== change.from)
          throw new Error(`history of ${change.instanceId} is not ${change.from} long`);
        this.historyRows.set(change.instanceId, events);
        for (const event of change.events) events.push(event);
        break;
      }
      case 'clearHistory':
        this.historyRows.delete(change.instanceId);
        break;
      case 'putEntity':
        this.entityRows.set(change.record.entityId, structuredClone(change.record));
        break;
      case 'deleteEntity':
        this.entityRows.delete(change.entityId);
        break;
      case 'send':
        this.send(change.target, change.visibleAt, change.message);
        committed.sent.push({ target: change.target, visibleAt: change.visibleAt });
        break;
      case 'consume':
        for (const seq of change.seqs) this.consume(seq);
        break;
      case 'clearInbox':
        this.clearInbox(change.target);
        break;
      case 'addWork': {
        const work = { ...change.work, seq: ++this.lastSeq };
        this.work.set(work.seq, work);
        committed.work.push({ ...work });
        break;
      }
      case 'putTimer':
        this.timers.set(change.name, structuredClone(change.status));
        break;
      case 'removeWork':
        this.work.delete(change.seq);
        break;
    }
  }

  private send(target: string, visibleAt: number, message: StoredMessage['message']): void {
    const seq = ++this.lastSeq;
    let inbox = this.inboxes.get(target);
    if (inbox === undefined) {
      inbox = new Map();
      this.inboxes.set(target, inbox);
    }
    inbox.set(seq, { seq, target, visibleAt, message: structuredClone(message) });
    this.inboxOf.set(seq, target);
  }

  private consume(seq: number): void {
    const target = this.inboxOf.get(seq);
    if (target === undefined) return;
    this.inboxOf.delete(seq);
    const inbox = this.inboxes.get(target);
    inbox?.delete(seq);
    if (inbox?.size === 0) this.inboxes.delete(target);
  }

  private clearInbox(target: string): void {
    for (const seq of this.inboxes.get(target)?.keys() ?? []) this.inboxOf.delete(seq);
    this.inboxes.delete(target);
  }
}

/** IDs are ordered by code unit here and by UTF-8 byte in SQLite: the same for the ASCII that IDs are made of. */
function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function matches(row: InstanceRecord, query: InstanceQuery): boolean {
  if (query.idPrefix !== undefined && !row.instanceId.startsWith(query.idPrefix)) return false;
  if (query.createdFrom !== undefined && row.createdAt < query.createdFrom) return false;
  if (query.createdTo !== undefined && row.createdAt > query.createdTo) return false;
  if (query.statuses !== undefined && !query.statuses.includes(row.status)) return false;
  return query.after === undefined || compareIds(row.instanceId, query.after) > 0;
}

function copy<T>(row: T | undefined): T | undefined {
  return row === undefined ? undefined : structuredClone(row);
}
