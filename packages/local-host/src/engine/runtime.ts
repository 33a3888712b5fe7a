/**
 * The heart of the durable engine: it runs episodes and entity batches, one at a time for each target and many targets
 * at once. Each one is committed as one transaction. The host and the durable client use it. State must change in no
 * other way than through `commit`.
 */
import type { Store } from '../store/store.ts';
import { ActivityQueue } from './activity-queue.ts';
import { ActivityResults } from './activity-results.ts';
import { Agenda, delayMaxMs, type Timers } from './agenda.ts';
import type { Engine, EngineSettings } from './engine.ts';
import { beginBatch, type EntityReply, failBatch, finishBatch, newEntity } from './entity.ts';
import { beginEpisode, type OrchestratorReply } from './episode.ts';
import { finishEpisode } from './finish.ts';
import { HistoryCache } from './history-cache.ts';
import {
  type ActivityWork,
  type Change,
  type Completion,
  type FunctionNames,
  type InstanceRecord,
  type Ports,
  parseEntityId,
} from './model.ts';

/**
 * How the engine reaches the app. An invocation that was interrupted (its worker died, or the host stops) rejects with
 * `Interrupted`. Then nothing is committed, and it is done again.
 */
export interface Dispatch {
  orchestrator(name: string, trigger: string): Promise<OrchestratorReply>;
  /** @throws Interrupted, or any other error when the batch as a whole failed. */
  entity(name: string, trigger: string): Promise<EntityReply>;
  activity(work: ActivityWork): Promise<Completion>;
}

export class Interrupted extends Error {}

/** Thrown when the entity function ran out of time. Every operation of the batch is answered with this error. */
export class EntityTimeout extends Error {}

export interface RuntimeOptions {
  store: Store;
  ports: Ports;
  timers: Timers;
  names: FunctionNames;
  dispatch: Dispatch;
  settings: EngineSettings;
  maxConcurrentOrchestrators: number;
  maxConcurrentEntities: number;
  maxConcurrentActivities: number;
  entityBatchSizeMax: number;
  log: (level: 'debug' | 'information' | 'warning' | 'error', message: string) => void;
}

const inboxBatchMax = 100_000;
const retryDelayMaxMs = 30_000;

/**
 * Runs episodes and batches, one at a time for each target and many targets at once. Each is committed as one
 * transaction.
 */
export class DurableRuntime {
  readonly engine: Engine;
  readonly store: Store;
  private readonly options: RuntimeOptions;
  private readonly agenda: Agenda;
  private readonly activities: ActivityQueue;
  private readonly histories = new HistoryCache();
  private readonly ready: Record<'entity' | 'instance', string[]> = { entity: [], instance: [] };
  private readonly queued = new Set<string>();
  private readonly active = new Map<string, { again: boolean }>();
  private readonly running = { entity: 0, instance: 0 };
  private readonly failures = new Map<string, number>();
  private readonly watchers = new Set<() => void>();
  private readonly rejected = new Set<string>();
  private stopping = false;

  constructor(options: RuntimeOptions) {
    this.options = options;
    this.store = options.store;
    const { ports, names, settings, store } = options;
    this.engine = { ports, names, settings, lookup: (instanceId) => store.instance(instanceId) };
    this.agenda = new Agenda(ports.now, options.timers, (target) => this.notify(target));
    const results = new ActivityResults({
      store,
      commit: (changes) => this.commit(changes),
      log: options.log,
    });
    this.activities = new ActivityQueue({
      limit: options.maxConcurrentActivities,
      run: (work) => options.dispatch.activity(work),
      settle: (work, event) => results.settle(work, event),
      isWanted: (work) => store.hasWork(work.seq),
      timers: options.timers,
      log: options.log,
    });
  }

  /** Continues where the last host stopped, in whatever way it stopped. */
  start(): void {
    for (const { target, visibleAt } of this.store.waitingTargets()) this.wake(target, visibleAt);
    for (const work of this.store.pendingWork()) this.schedule(work);
  }

  /** Commits changes and wakes the targets that they concern. State changes in no other way. */
  commit(changes: readonly Change[]): void {
    const { sent, work } = this.store.commit(changes);
    for (const change of changes) {
      if (change.type === 'clearHistory' || change.type === 'deleteInstance') this.histories.drop(change.instanceId);
    }
    for (const { target, visibleAt } of sent) this.wake(target, visibleAt);
    for (const each of work) this.schedule(each);
    for (const watcher of [...this.watchers]) watcher();
  }

  /** Calls `watcher` after each commit. @returns a function that stops it. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Starts nothing new and waits until what runs has been committed, at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.agenda.stop();
    this.activities.stop();
    await new Promise<void>((resolve) => {
      const check = () => {
        if (this.active.size > 0 || this.activities.busy > 0) return;
        clearInterval(poll);
        clearTimeout(limit);
        resolve();
      };
      const poll = setInterval(check, 5);
      const limit = setTimeout(() => {
        clearInterval(poll);
        resolve();
      }, graceMs);
      check();
    });
  }

  /** No message is due and nothing runs; timers of the future do not count. */
  get idle(): boolean {
    return this.active.size === 0 && this.queued.size === 0 && this.activities.idle;
  }

  /** Whether something runs or is about to run; a pause before the next try does not count. */
  get working(): boolean {
    const { entity, instance } = this.running;
    return entity + instance > 0 || this.queued.size > 0 || this.activities.working;
  }

  private schedule(work: ActivityWork): void {
    const delayMs = (work.notBefore ?? 0) - this.engine.ports.now();
    if (delayMs <= 0) this.activities.add(work);
    else this.options.timers.after(Math.min(delayMs, delayMaxMs), () => this.schedule(work));
  }

  private wake(target: string, visibleAt: number): void {
    if (visibleAt > this.engine.ports.now()) this.agenda.add(target, visibleAt);
    else this.notify(target);
  }

  private notify(target: string): void {
    const active = this.active.get(target);
    if (active !== undefined) active.again = true;
    else if (!this.queued.has(target)) {
      this.queued.add(target);
      this.ready[kindOf(target)].push(target);
      queueMicrotask(() => this.pump());
    }
  }

  private pump(): void {
    if (this.stopping) return;
    const { maxConcurrentEntities, maxConcurrentOrchestrators } = this.options;
    for (const kind of ['instance', 'entity'] as const) {
      const limit = kind === 'entity' ? maxConcurrentEntities : maxConcurrentOrchestrators;
      const ready = this.ready[kind];
      let taken = 0;
      while (taken < ready.length && this.running[kind] < limit) void this.work(kind, ready[taken++]!);
      ready.splice(0, taken);
    }
  }

  private async work(kind: 'entity' | 'instance', target: string): Promise<void> {
    this.queued.delete(target);
    const state = { again: false };
    this.active.set(target, state);
    this.running[kind]++;
    let pauseMs = 0;
    try {
      const more = kind === 'entity' ? await this.runEntity(target) : await this.runInstance(target);
      state.again ||= more.again;
      pauseMs = more.pauseMs;
      this.failures.delete(target);
    } catch (error) {
      state.again = true;
      pauseMs = this.afterFailure(target, error);
    }
    this.running[kind]--;
    if (pauseMs === 0 || this.stopping) {
      this.active.delete(target);
      if (state.again) this.notify(target);
    } else {
      this.options.timers.after(pauseMs, () => {
        this.active.delete(target);
        if (state.again) this.notify(target);
      });
    }
    this.pump();
  }

  /** Nothing was committed, so the same messages are taken again after a delay. @returns the delay in milliseconds. */
  private afterFailure(target: string, error: unknown): number {
    const count = (this.failures.get(target) ?? 0) + 1;
    this.failures.set(target, count);
    this.histories.drop(target);
    const text = error instanceof Error ? error.message : String(error);
    if (!this.stopping) this.options.log('warning', `${target}: ${text}; will be tried again.`);
    return Math.min(retryDelayMaxMs, count === 1 && error instanceof Interrupted ? 1 : 50 * 2 ** Math.min(count, 10));
  }

  private async runInstance(instanceId: string): Promise<{ again: boolean; pauseMs: number }> {
    const record = this.store.instance(instanceId);
    const inbox = this.store.inbox(instanceId, this.engine.ports.now(), inboxBatchMax);
    if (inbox.length === 0) return { again: false, pauseMs: 0 };
    if (record === undefined) {
      this.commit([{ type: 'consume', seqs: inbox.map((each) => each.seq) }]);
      return { again: false, pauseMs: 0 };
    }
    const state = this.histories.load(record, () => this.store.history(instanceId));
    const begun = beginEpisode(this.engine, state, inbox);
    if (begun.type === 'rejected') {
      this.reportRejected(record);
      return { again: false, pauseMs: 0 };
    }
    if (begun.type === 'settled') {
      this.commit(begun.changes);
      this.histories.drop(instanceId);
      return { again: begun.more, pauseMs: 0 };
    }
    const startedAt = performance.now();
    const reply = await this.options.dispatch.orchestrator(record.name, begun.trigger);
    const end = finishEpisode(this.engine, begun, reply);
    this.commit(end.changes);
    if (!end.replaced) this.histories.extend(instanceId, end.events);
    this.report(record, end.status, end.failure);
    // The cost of an episode grows with its history. While more completions arrive, the engine waits as long as the
    // last
    // episode took. This limits the cost of replays, and the next episode takes many completions at once.
    const tookMs = performance.now() - startedAt;
    return { again: begun.left, pauseMs: tookMs > 10 && state.events.length > 200 ? Math.min(tookMs, 200) : 0 };
  }

  /** One line for an orchestration's end; those of sub-orchestrations are details. */
  private report(record: InstanceRecord, status: InstanceRecord['status'], failure: string | undefined): void {
    if (status === 'Running') return;
    const level = failure !== undefined ? 'error' : record.parent === null ? 'information' : 'debug';
    const tookMs = this.engine.ports.now() - record.createdAt;
    const text = `${record.name} ${record.instanceId}: ${status} after ${tookMs} ms`;
    this.options.log(level, failure === undefined ? text : `${text}: ${failure}`);
  }

  /** An instance of another version of the app waits, as in Azure, where another host might run it. */
  private reportRejected({ instanceId, name, version }: InstanceRecord): void {
    if (this.rejected.has(instanceId)) return;
    this.rejected.add(instanceId);
    const { defaultVersion, versionMatch } = this.engine.settings;
    this.options.log(
      'warning',
      `${name} ${instanceId} has version '${version}'; this host (defaultVersion '${defaultVersion}', ` +
        `versionMatchStrategy ${versionMatch}) leaves it waiting.`,
    );
  }

  private async runEntity(id: string): Promise<{ again: boolean; pauseMs: number }> {
    const { ports, lookup } = this.engine;
    const inbox = this.store.inbox(id, ports.now(), inboxBatchMax);
    if (inbox.length === 0) return { again: false, pauseMs: 0 };
    const name = this.options.names.entity(parseEntityId(id)?.name ?? '');
    if (name === undefined) {
      this.options.log('warning', `${id}: the app has no such entity function; ${inbox.length} message(s) dropped.`);
      this.commit([{ type: 'consume', seqs: inbox.map((each) => each.seq) }]);
      return { again: false, pauseMs: 0 };
    }
    const record = this.store.entity(id) ?? newEntity(id);
    const begun = beginBatch(record, inbox, { batchSizeMax: this.options.entityBatchSizeMax, lookup });
    if (begun.batch === undefined) {
      this.commit(begun.changes);
      return { again: begun.more, pauseMs: 0 };
    }
    try {
      const reply = await this.options.dispatch.entity(name, begun.batch.trigger);
      this.commit(finishBatch(ports, begun.batch, reply).changes);
    } catch (error) {
      if (!(error instanceof EntityTimeout)) throw error;
      this.commit(failBatch(begun.batch, { message: error.message, stack: '' }));
    }
    return { again: begun.more, pauseMs: 0 };
  }
}

function kindOf(target: string): 'entity' | 'instance' {
  return target.startsWith('@') ? 'entity' : 'instance';
}
