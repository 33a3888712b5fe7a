/**
 * The real engine with the real SDKs in one process, on a virtual clock: what is injected in the host (store, clock,
 * randomness, dispatch) is given here, so that a test that waits for a week takes milliseconds and a seed repeats a run.
 */
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDispatch, type DispatchOptions, type Invoker } from '../src/dispatch.ts';
import type { Timers } from '../src/engine/agenda.ts';
import { DurableClientOperations } from '../src/engine/client.ts';
import { type FunctionNames, type HistoryEvent, type InstanceRecord, isTerminal } from '../src/engine/model.ts';
import { type Dispatch, DurableRuntime } from '../src/engine/runtime.ts';
import { type AppFunction, type FunctionKind, FunctionTable } from '../src/functions.ts';
import { MemoryStore } from '../src/store/memory.ts';
import type { Store } from '../src/store/store.ts';
import { CoreModule } from '../src/worker/core-module.ts';
import { ensureError, invoke } from '../src/worker/invoke.ts';
import { FunctionError } from '../src/worker/process.ts';

export const repositoryRoot = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

export const core = new CoreModule(() => {});
core.install(repositoryRoot);
export const df = await import('durable-functions');
export const { app } = await import('@azure/functions');

/** Runs invocations in this process. Everything crosses as JSON, as it does to a worker. */
export const localInvoker: Invoker = {
  async invoke(_lane, invocation) {
    try {
      return structuredClone(await invoke(core, invocation, () => {}));
    } catch (error) {
      throw new FunctionError(ensureError(error));
    }
  },
};

/** The functions that are registered at the moment of asking. */
class LiveFunctions implements FunctionNames {
  private table = new FunctionTable([], {});
  private size = 0;

  find(kind: FunctionKind, name: string): AppFunction | undefined {
    return this.current().find(kind, name);
  }
  orchestrator(name: string): string | undefined {
    return this.current().orchestrator(name);
  }
  activity(name: string): string | undefined {
    return this.current().activity(name);
  }
  entity(name: string): string | undefined {
    return this.current().entity(name);
  }
  known(kind: 'orchestrator' | 'activity' | 'entity'): string[] {
    return this.current().known(kind);
  }

  private current(): FunctionTable {
    if (this.size !== core.functions.size) {
      this.size = core.functions.size;
      this.table = new FunctionTable(
        [...core.functions.values()].map((each) => each.metadata),
        {},
      );
    }
    return this.table;
  }
}

/** Time that stands still until nothing else can happen. */
export class VirtualClock implements Timers {
  time = Date.parse('2030-01-01T00:00:00.000Z');
  private readonly alarms = new Map<number, { at: number; action: () => void }>();
  private last = 0;

  now = (): number => this.time;

  after(delayMs: number, action: () => void): () => void {
    const id = ++this.last;
    this.alarms.set(id, { at: this.time + delayMs, action });
    return () => this.alarms.delete(id);
  }

  /** Moves to the next alarm, if there is one not after `limit`. */
  step(limit: number): boolean {
    let first: [number, { at: number; action: () => void }] | undefined;
    for (const entry of this.alarms) if (first === undefined || entry[1].at < first[1].at) first = entry;
    if (first === undefined || first[1].at > limit) return false;
    this.alarms.delete(first[0]);
    this.time = Math.max(this.time, first[1].at);
    first[1].action();
    return true;
  }
}

export interface WorldOptions {
  store?: Store;
  clock?: VirtualClock;
  /** Wraps the dispatch: faults, counts. */
  wrap?: (dispatch: Dispatch) => Dispatch;
  seed?: number;
  dispatchOptions?: Partial<DispatchOptions>;
  settings?: Partial<DurableRuntime['engine']['settings']>;
  entityBatchSizeMax?: number;
  maxConcurrentActivities?: number;
}

/** Turns of the event loop in which everything that is due has long happened. */
const turnsMax = 5_000;
const dayMs = 24 * 3600 * 1000;

/** An engine ready to be used; `start` has been called. */
export class World {
  readonly runtime: DurableRuntime;
  readonly client: DurableClientOperations;
  readonly clock: VirtualClock;
  readonly store: Store;
  readonly log: string[] = [];

  constructor(options: WorldOptions = {}) {
    const { seed = 1, wrap = (dispatch) => dispatch } = options;
    this.store = options.store ?? new MemoryStore();
    this.clock = options.clock ?? new VirtualClock();
    const functions = new LiveFunctions();
    let ids = 0;
    const newId = () => {
      const hex = createHash('sha256').update(`${seed} ${this.clock.time} ${++ids}`).digest('hex');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');
    };
    this.runtime = new DurableRuntime({
      store: this.store,
      ports: { now: this.clock.now, newId },
      timers: this.clock,
      names: functions,
      dispatch: wrap(
        createDispatch({ pool: localInvoker, functions, timeoutMs: undefined, ...options.dispatchOptions }),
      ),
      settings: {
        shortTimerMaxMs: 6 * dayMs,
        longTimerIntervalMs: 3 * dayMs,
        httpPollDelayMs: 30_000,
        defaultVersion: '',
        versionMatch: 'None',
        versionFailure: 'Reject',
        maxActions: 100_000,
        storeInputs: false,
        terminateDelayMs: () => 0,
        dedupeStatuses: ['Running', 'ContinuedAsNew', 'Pending', 'Suspended'],
        ...options.settings,
      },
      maxConcurrentActivities: options.maxConcurrentActivities ?? 20,
      maxConcurrentOrchestrators: 20,
      maxConcurrentEntities: 20,
      entityBatchSizeMax: options.entityBatchSizeMax ?? 5000,
      log: (level, message) => this.log.push(`${level}: ${message}`),
    });
    this.client = new DurableClientOperations(this.runtime);
    this.runtime.start();
  }

  /** Starts an orchestration. @returns its instance ID. */
  start(name: string, input: unknown = {}, instanceId?: string): string {
    return this.client.start({ name, instanceId, input: JSON.stringify(input), version: undefined });
  }

  raise(instanceId: string, name: string, input: unknown = {}): void {
    this.client.raiseEvent(instanceId, name, JSON.stringify(input));
  }

  /** Lets everything happen that is due, without moving the clock. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.runtime.idle ? quiet + 1 : 0;
    }
  }

  /** Moves the clock on by `ms`, alarm by alarm. */
  async advance(ms: number): Promise<void> {
    const limit = this.clock.time + ms;
    await this.flush();
    while (this.clock.step(limit)) await this.flush();
    this.clock.time = limit;
    await this.flush();
  }

  /** Runs until the instance has ended. @throws when nothing is left to happen before that. */
  async finish(instanceId: string): Promise<InstanceRecord> {
    for (;;) {
      await this.flush();
      const record = this.client.get(instanceId);
      if (isTerminal(record.status)) return record;
      if (!this.clock.step(Number.POSITIVE_INFINITY)) {
        throw new Error(`${instanceId} is ${record.status} and nothing will happen: ${this.log.join('\n')}`);
      }
    }
  }

  /** Starts and runs to the end. @returns the output, parsed. @throws when the instance did not complete. */
  async output(name: string, input: unknown = {}): Promise<unknown> {
    const record = await this.finish(this.start(name, input));
    if (record.status !== 'Completed') throw new Error(`${record.status}: ${record.output}`);
    return JSON.parse(record.output ?? 'null');
  }

  /** Starts and runs to a failure. @returns the failure's text. */
  async failure(name: string, input: unknown = {}): Promise<string> {
    const record = await this.finish(this.start(name, input));
    if (record.status !== 'Failed') throw new Error(`${record.status}: ${record.output}`);
    return record.output ?? '';
  }

  history(instanceId: string): HistoryEvent[] {
    return this.store.history(instanceId).map((text) => JSON.parse(text) as HistoryEvent);
  }

  /** Events of an instance in short: `TaskScheduled 0`, `TimerFired 1`. */
  trace(instanceId: string): string[] {
    return this.history(instanceId).flatMap((event) => {
      const name = traced[event.EventType];
      const id = event.EventId >= 0 ? event.EventId : (event.TaskScheduledId ?? event.TimerId ?? event.Name);
      return name === undefined ? [] : [`${name} ${id}`];
    });
  }

  /** Lets things happen until nothing does: a pause, or a wait for the clock, is nothing. */
  async flush(): Promise<void> {
    let still = 0;
    const unwatch = this.runtime.watch(() => {
      still = 0;
    });
    for (let quiet = 0, turns = 0; quiet < 3 && still < 30; still++, turns++) {
      if (turns === turnsMax) throw new Error('the engine does not come to rest');
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.runtime.working ? 0 : quiet + 1;
    }
    unwatch();
  }
}

const traced: Record<number, string> = {
  4: 'TaskScheduled',
  5: 'TaskCompleted',
  6: 'TaskFailed',
  7: 'SubCreated',
  8: 'SubCompleted',
  9: 'SubFailed',
  10: 'TimerCreated',
  11: 'TimerFired',
  14: 'EventSent',
  15: 'EventRaised',
};

export type DurableContext = import('durable-functions').DurableOrchestrationContext;

/** An orchestrator on `context.df` alone. What a yield gives is for the body to say: `const n: number = yield …`. */
export type Body = (c: DurableContext) => Generator<unknown, unknown, never>;

let bodies = 0;

/** Registers an orchestrator under a name of its own (or under `name`) and gives that name. */
export function orchestrator(body: Body, name = `orchestrator${++bodies}`): string {
  const handler = (context: { df: DurableContext }) => body(context.df);
  df.app.orchestration(name, handler as never);
  return name;
}
