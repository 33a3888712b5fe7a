/**
 * Runs in one process, under a seed: the real orchestrators, activities and entity reducers over a store in memory.
 * What may happen next (a storage request, an activity's start or answer, an entity operation, a timer) is a list of
 * steps, of which a seeded choice takes one at a time; so a seed repeats a history, with all its races. Activities can
 * die at any storage request and are executed again, run twice at once, or outlive their run, as in the service.
 */

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Task } from 'durable-functions';
import { activities } from '../../../functions/activity-list.ts';
import type { RunStatus } from '../../../src/documents/status.ts';
import type { Orchestration } from '../../../src/durable/context.ts';
import { SHARD_ORCHESTRATION } from '../../../src/durable/fan-out.ts';
import { parseConfig } from '../../../src/environment/config.ts';
import type { Environment } from '../../../src/environment/environment.ts';
import { OrdinalError } from '../../../src/errors.ts';
import { limits } from '../../../src/limits.ts';
import type { Claim } from '../../../src/lives/claims.ts';
import { RUN_ORCHESTRATION } from '../../../src/lives/names.ts';
import type { CompiledPipeline } from '../../../src/pipeline/compiled.ts';
import { livenessOfInstance } from '../../../src/run/liveness-activity.ts';
import { runOrchestrator, shardOrchestrator } from '../../../src/run/orchestrator.ts';
import { reduceLeaseAny } from '../../../src/sequence/lease.ts';
import { reduceAny } from '../../../src/sequence/reducer.ts';
import type { SequenceState } from '../../../src/sequence/state.ts';
import { lifeId, work } from '../../../src/storage/names.ts';
import { type FaultPoint, withFaults } from '../../support/faults.ts';
import { MemoryStore } from '../../support/memory-store.ts';

// The blocks here are small: some are held back, and some are staged at the split, as in life.
Object.assign(limits, { heldBlockBytesMax: 60 });

type Orchestrator = (context: { df: Orchestration }) => Generator<Task, unknown, unknown>;

/** What may become of the activity at a fault point: it passes, dies, waits for `resume`, or gets an error. */
export type Verdict = 'pass' | 'die' | 'hold' | Error;

/** One execution of an activity. */
export interface Execution {
  activity: string;
  instance: string;
  input: unknown;
  /** Executed again after its worker died. */
  again: boolean;
}

interface RunningExecution extends Execution {
  worker: number;
  dead: boolean;
  retry(): void;
}

/** Shares, 0 to 1. */
export interface Chaos {
  /** Storage requests that fail for now, before or after they took effect. */
  storage: number;
  /** Storage requests that fail for good. */
  fatal: number;
  /** Storage requests at which the worker dies. */
  die: number;
  /** Activities executed a second time beside the first. */
  duplicate: number;
  /** Instances that go on for a while after they were told to end. */
  lateEnd: number;
}

export interface SimOptions {
  seed?: number;
  chaos?: Partial<Chaos>;
  batchRows?: number;
  partRows?: number;
  /** More orchestrators, by name. */
  orchestrators?: Record<string, Orchestrator>;
}

export interface SimInstance {
  id: string;
  name: string;
  status: 'Running' | 'Completed' | 'Failed' | 'Terminated';
  /** Counts the instance's lives. */
  life: number;
  input: unknown;
  output?: unknown;
  error?: string;
  customStatus?: RunStatus;
}

interface Step {
  label: string;
  fire: () => void;
}

/** A task as the simulation sees it: settled by `resolve` or `reject`. */
interface SimTask {
  describe: string;
  schedule(resolve: (value: unknown) => void, reject: (error: unknown) => void): void;
}

export class Sim {
  readonly store = new MemoryStore();
  readonly environments: Environment[];
  readonly instances = new Map<string, SimInstance>();
  /** States of entities as JSON text, by `<name>/<key>`. */
  readonly entities = new Map<string, string>();
  readonly chaos: Chaos;
  /** Called at every fault point of an activity. */
  onPoint: (point: FaultPoint, execution: Execution) => Verdict = () => 'pass';
  /** Largest input or output of an orchestration, activity or entity, in bytes of JSON. */
  payloadBytes = 0;
  customStatusBytes = 0;
  /** Names of the activities executed. */
  readonly executed: string[] = [];
  now = Date.parse('2030-01-01T00:00:00.000Z');
  readonly #random: () => number;
  readonly #steps: Step[] = [];
  readonly #timers: { at: number; fire: () => void }[] = [];
  readonly #executions = new AsyncLocalStorage<RunningExecution>();
  readonly #orchestrators: Record<string, Orchestrator>;
  #ids = 0;
  readonly #held: (() => void)[] = [];
  readonly #running = new Set<RunningExecution>();

  constructor(pipelines: ReadonlyMap<string, CompiledPipeline>, options: SimOptions = {}) {
    this.#random = mulberry32(options.seed ?? 1);
    this.chaos = { storage: 0, fatal: 0, die: 0, duplicate: 0, lateEnd: 0, ...options.chaos };
    this.#orchestrators = {
      [RUN_ORCHESTRATION]: runOrchestrator,
      [SHARD_ORCHESTRATION]: shardOrchestrator,
      ...options.orchestrators,
    };
    const config = parseConfig({
      AzureWebJobsStorage: 'none: the store is in memory',
      ORDINAL_BATCH_ROWS: String(options.batchRows ?? 4),
      ORDINAL_PART_ROWS: String(options.partRows ?? 8),
      ORDINAL_REQUESTS_IN_FLIGHT: '2',
    });
    // Two workers, each with its own process-wide caches.
    const store = withFaults(this.store, (point) => this.#reached(point));
    this.environments = [0, 1].map(() => ({ store, config, pipelines }));
  }

  random(): number {
    return this.#random();
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  /** Starts an instance, or a new life of one that has ended without completing. */
  start(id: string, name: string, input: object): SimInstance {
    const known = this.instances.get(id);
    assert.ok(known?.status !== 'Running', `${id} runs`);
    const instance: SimInstance = { id, name, status: 'Running', life: (known?.life ?? 0) + 1, input };
    this.instances.set(id, instance);
    this.#later(`start ${id}`, () => void this.#drive(instance));
    return instance;
  }

  /** Claims the run's next life, and starts it. */
  startRun(runId: string, pipeline: string, prefix = `${pipeline}/`): SimInstance {
    const life = this.#lifeOf(runId) + 1;
    const input = { runId, pipeline, prefix };
    const claimedAt = new Date(this.now).toISOString();
    const claim: Claim = { version: 1, runId, life, input, claimedAt, state: 'open' };
    // The store in memory does both at once.
    void this.store.ensureContainer('ordinal');
    void this.store.write('ordinal', work.claim(claim), Buffer.from(JSON.stringify(claim)));
    return this.start(lifeId(claim), RUN_ORCHESTRATION, { ...input, life });
  }

  /** Number of the newest life of a run, 0 for none. */
  #lifeOf(runId: string): number {
    let life = 0;
    while (this.instances.has(lifeId({ runId, life: life + 1 }))) life++;
    return life;
  }

  /** The newest life of a run; or the instance of that ID. */
  instance(id: string): SimInstance | undefined {
    return this.instances.get(lifeId({ runId: id, life: Math.max(1, this.#lifeOf(id)) }));
  }

  /** Ends an instance as an operator does: what its activities are doing goes on. */
  terminate(id: string): void {
    const instance = this.instance(id);
    const end = () => {
      if (instance?.status === 'Running') instance.status = 'Terminated';
    };
    const { lateEnd } = this.chaos;
    if (lateEnd > 0 && this.#random() < lateEnd) this.#later(`end ${id}`, end);
    else end();
  }

  status(id: string): SimInstance['status'] | undefined {
    return this.instance(id)?.status;
  }

  sequence(name: string): SequenceState | undefined {
    const text = this.entities.get(`sequence/${name}`);
    return text === undefined ? undefined : (JSON.parse(text) as SequenceState);
  }

  /** Takes one step. False when nothing is left to happen. */
  async step(): Promise<boolean> {
    const at = Math.floor(this.#random() * this.#steps.length);
    const [step] = this.#steps.splice(at, 1);
    this.now++;
    if (step) step.fire();
    else if (!this.#fireTimer()) return false;
    // Everything in between is promises: one turn of the event loop ends it.
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** Runs until nothing is left to happen, or `until` says so. */
  async settle(until: () => boolean = () => false, stepsMax = 500_000): Promise<void> {
    for (let steps = 0; !until() && (await this.step()); steps++) {
      assert.ok(steps < stepsMax, `still busy after ${stepsMax} steps`);
    }
  }

  /** Starts a run, and runs the world until it has ended. */
  async run(runId: string, pipeline: string, prefix?: string): Promise<SimInstance> {
    const instance = this.startRun(runId, pipeline, prefix);
    await this.settle(() => instance.status !== 'Running');
    return instance;
  }

  #later(label: string, fire: () => void): void {
    this.#steps.push({ label, fire });
  }

  #fireTimer(): boolean {
    this.#timers.sort((a, b) => a.at - b.at);
    const timer = this.#timers.shift();
    if (!timer) return false;
    this.now = Math.max(this.now, timer.at);
    timer.fire();
    return true;
  }

  async #reached(point: FaultPoint): Promise<void> {
    const execution = this.#executions.getStore();
    // A request from outside an activity.
    if (!execution) return;
    if (execution.dead) return await forever();
    if (point.at === 'before') {
      await new Promise<void>((resolve) => this.#later(point.point, resolve));
      if (execution.dead) return await forever();
    }
    let verdict = this.onPoint(point, execution);
    if (verdict === 'pass') verdict = this.#misfortune(point);
    if (verdict === 'die') {
      this.#kill(execution.worker);
      return await forever();
    }
    if (verdict === 'hold') await new Promise<void>((resolve) => this.#held.push(resolve));
    else if (verdict !== 'pass') throw verdict;
  }

  /** Lets activities that were held go on. */
  resume(): void {
    for (const resolve of this.#held.splice(0)) this.#later('resume', resolve);
  }

  /** Ends a worker: all that it executes is lost, and executed again by another, without its caches. */
  #kill(worker: number): void {
    this.environments[worker] = { ...this.environments[worker]! };
    for (const execution of [...this.#running]) {
      if (execution.worker !== worker) continue;
      execution.dead = true;
      this.#running.delete(execution);
      execution.retry();
    }
  }

  #misfortune(point: FaultPoint): Verdict {
    const { storage, fatal, die } = this.chaos;
    if (fatal > 0 && this.#random() < fatal) return new OrdinalError('StorageFailed', `refused at ${point.point}`);
    if (storage > 0 && this.#random() < storage) {
      return new OrdinalError('StorageFailed', `planned at ${point.point}`, { retryable: true });
    }
    return die > 0 && this.#random() < die ? 'die' : 'pass';
  }

  async #drive(instance: SimInstance): Promise<void> {
    const { life } = instance;
    const trace: { task: string; value: unknown; now: number }[] = [];
    const started = this.now;
    try {
      const df = this.#context(instance);
      const body = this.#orchestrators[instance.name]!({ df });
      let next = body.next();
      while (!next.done) {
        const task = next.value as unknown as SimTask;
        const value = await new Promise<unknown>((resolve, reject) => task.schedule(resolve, reject));
        if (instance.status !== 'Running' || instance.life !== life) return;
        trace.push({ task: task.describe, value, now: this.now });
        next = body.next(structuredClone(value));
      }
      instance.output = this.#wire(next.value, 'output');
      instance.status = 'Completed';
    } catch (thrown) {
      if (instance.status !== 'Running') return;
      instance.error = thrown instanceof Error ? thrown.message : String(thrown);
      instance.status = 'Failed';
    }
    this.#replay(instance, trace, started);
  }

  /** The orchestrator again, from its history: it asks for the same tasks and comes to the same end. */
  #replay(instance: SimInstance, trace: { task: string; value: unknown; now: number }[], started: number): void {
    const past = { now: started };
    const body = this.#orchestrators[instance.name]!({ df: this.#context({ ...instance }, past) });
    let end: string;
    try {
      let next = body.next();
      for (const { task, value, now } of trace) {
        assert.equal(next.done ? 'the end' : (next.value as unknown as SimTask).describe, task, 'replay is the same');
        past.now = now;
        next = body.next(structuredClone(value));
      }
      end = next.done ? JSON.stringify(next.value) : (next.value as unknown as SimTask).describe;
    } catch (thrown) {
      if (thrown instanceof assert.AssertionError) throw thrown;
      end = thrown instanceof Error ? thrown.message : String(thrown);
    }
    assert.equal(end, instance.status === 'Completed' ? JSON.stringify(instance.output) : instance.error);
  }

  #context(instance: SimInstance, past?: { now: number }): Orchestration {
    const clock = () => new Date(past?.now ?? this.now);
    const task = (describe: string, schedule: SimTask['schedule']) => ({ describe, schedule }) as unknown as Task;
    return {
      instanceId: instance.id,
      isReplaying: past !== undefined,
      get currentUtcDateTime() {
        return clock();
      },
      getInput: <T>() => this.#wire(instance.input, 'input') as T,
      setCustomStatus: (status) => {
        const bytes = JSON.stringify(status).length * 2;
        assert.ok(bytes <= limits.customStatusBytesMax, `a custom status of ${bytes} bytes`);
        this.customStatusBytes = Math.max(this.customStatusBytes, bytes);
        instance.customStatus = status as RunStatus;
      },
      createTimer: (at) => {
        const timer = { at: at.getTime(), fire: () => {} };
        const schedule: SimTask['schedule'] = (resolve) => {
          timer.fire = () => resolve(undefined);
          this.#timers.push(timer);
        };
        const cancel = () => {
          const place = this.#timers.indexOf(timer);
          if (place >= 0) this.#timers.splice(place, 1);
        };
        return Object.assign(task(`timer ${at.toISOString()}`, schedule), { cancel }) as Task & { cancel(): void };
      },
      callActivity: (name, input) =>
        task(`activity ${name} ${JSON.stringify(input)}`, (resolve, reject) =>
          this.#activity(instance, name, this.#wire(input, name), resolve, reject),
        ),
      callSubOrchestrator: (name, input, id) =>
        task(`sub ${name} ${id} ${JSON.stringify(input)}`, (resolve, reject) => {
          const sub = this.start(id, name, input as object);
          const poll = () => {
            if (sub.status === 'Running') this.#timers.push({ at: this.now + 1, fire: poll });
            else if (sub.status === 'Completed') resolve(sub.output);
            else reject(new Error(sub.error ?? sub.status));
          };
          poll();
        }),
      callEntity: (entity, operation, input) =>
        task(`entity ${entity.name} ${entity.key} ${operation} ${JSON.stringify(input)}`, (resolve) =>
          this.#later(`${entity.name} ${operation}`, () => {
            const answer = this.#operate(entity, operation, this.#wire(input ?? {}, operation) as object);
            this.#later('answer', () => resolve(answer));
          }),
        ),
      Task: {
        all: (tasks) => {
          const all = tasks as unknown as SimTask[];
          return task(`all [${all.map((one) => one.describe).join('; ')}]`, (resolve, reject) => {
            const results = all.map((one) => new Promise((done, fail) => one.schedule(done, fail)));
            Promise.all(results).then(resolve, reject);
          });
        },
        any: (tasks) => {
          const all = tasks as unknown as SimTask[];
          return task(`any [${all.map((one) => one.describe).join('; ')}]`, (resolve, reject) => {
            for (const one of all) one.schedule(() => resolve(one), reject);
          });
        },
      },
    };
  }

  #operate(entity: { name: string; key: string }, operation: string, input: object): unknown {
    const id = `${entity.name}/${entity.key}`;
    const text = this.entities.get(id);
    const reduce = (entity.name === 'lease' ? reduceLeaseAny : reduceAny) as typeof reduceAny;
    const before = text === undefined ? undefined : (JSON.parse(text) as SequenceState);
    const { state, result } = reduce(before, { ...input, kind: operation });
    if (state !== undefined) this.entities.set(id, JSON.stringify(state));
    return this.#wire(result, `${id} ${operation}`);
  }

  #activity(
    instance: SimInstance,
    name: string,
    input: unknown,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    if (name === livenessOfInstance.name) {
      const { instance: id } = input as { instance: string };
      const alive = () => this.instances.get(id)?.status === 'Running';
      this.#later(name, () => resolve({ ok: true, value: { alive: alive() } }));
      return;
    }
    const work = activities.find((activity) => activity.name === name)?.run;
    assert.ok(work, `activity ${name}`);
    let answered = false;
    const execute = (again: boolean) => {
      const execution: RunningExecution = {
        activity: name,
        instance: instance.id,
        input,
        again,
        worker: this.#ids++ % this.environments.length,
        dead: false,
        retry: () => this.#later(`again ${name}`, () => execute(true)),
      };
      this.executed.push(name);
      this.#running.add(execution);
      const environment = this.environments[execution.worker]!;
      this.#executions
        .run(execution, () => work(environment, structuredClone(input)))
        .then(
          (value) => {
            this.#running.delete(execution);
            if (answered || execution.dead) return;
            answered = true;
            const wired = this.#wire(value, name);
            this.#later(`answer ${name}`, () => resolve(wired));
          },
          (thrown: unknown) => reject(thrown),
        );
    };
    this.#later(name, () => execute(false));
    const { duplicate } = this.chaos;
    if (duplicate > 0 && this.#random() < duplicate) this.#later(`twice ${name}`, () => execute(true));
  }

  /** What crosses between functions crosses as JSON, within the limit. */
  #wire(value: unknown, what: string): unknown {
    const text = JSON.stringify(value) ?? 'null';
    const bytes = Buffer.byteLength(text);
    assert.ok(bytes <= limits.payloadBytesMax, `${what}: ${bytes} bytes`);
    this.payloadBytes = Math.max(this.payloadBytes, bytes);
    return JSON.parse(text);
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}

/** A small generator of random numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
