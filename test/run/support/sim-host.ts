/**
 * The durable host of a simulated world: instances and their executions, activities at least once, entities one
 * operation at a time, timers, sub-orchestrations. It drives the real orchestrators, and replays each one from its
 * history when it has ended. Used by `sim.ts` and `sim-clients.ts`. What it may do wrong, the real host does too: see
 * `begin` and `end`.
 */
import assert from 'node:assert/strict';
import type { Task } from 'durable-functions';
import type { RunStatus } from '../../../src/documents/status.ts';
import type { DurableRuns, InstanceStatus } from '../../../src/durable/client.ts';
import type { Orchestration } from '../../../src/durable/context.ts';
import { limits } from '../../../src/limits.ts';
import { activityOf, type Orchestrator, operate } from './sim-app.ts';
import type { Owner } from './sim-crossings.ts';
import type { Steps } from './sim-steps.ts';
import { combined, type SimTask, type Told, task, tell } from './sim-task.ts';
import type { Running, Workers } from './sim-workers.ts';

export interface SimInstance {
  id: string;
  name: string;
  status: Extract<InstanceStatus, 'Running' | 'Completed' | 'Failed' | 'Terminated'>;
  /** Counts the instance's executions. */
  life: number;
  /** What it executes. */
  input: unknown;
  /** What a status shows as its input: of racing starts, another one's may be shown. */
  shown: unknown;
  output?: unknown;
  error?: string;
  customStatus?: RunStatus;
  /** Input of its next execution, where it asked for one with an empty history. */
  next?: unknown;
  createdAt: number;
  updatedAt: number;
}

export class Host {
  readonly instances = new Map<string, SimInstance>();
  /** States of entities as JSON text, by `<name>/<key>`. */
  readonly entities = new Map<string, string>();
  /** Names of the activities executed. */
  readonly executed: string[] = [];
  /** Largest input or output of an orchestration, activity or entity, in bytes of JSON. */
  payloadBytes = 0;
  customStatusBytes = 0;
  /** Told of the end of each execution. */
  onEnd: (instance: SimInstance) => void = () => {};
  /** What activities see of the host. */
  runs: DurableRuns | undefined;
  readonly #steps: Steps;
  readonly #workers: Workers;
  readonly #orchestrators: Record<string, Orchestrator>;
  /** Timers of instances: they end with them. */
  readonly #timers = new WeakMap<SimInstance, (() => void)[]>();
  /** The newest life begun, by run ID. */
  readonly #lives = new Map<string, number>();

  constructor(steps: Steps, workers: Workers, orchestrators: Record<string, Orchestrator>) {
    this.#steps = steps;
    this.#workers = workers;
    this.#orchestrators = orchestrators;
  }

  /** An execution of an instance begins; one that is under way is replaced, and what its activities do goes on. */
  begin(id: string, name: string, input: unknown): SimInstance {
    const now = this.#steps.now;
    const life = (this.instances.get(id)?.life ?? 0) + 1;
    const at = { createdAt: now, updatedAt: now };
    const instance: SimInstance = { id, name, status: 'Running', life, input, shown: input, ...at };
    const replaced = this.instances.get(id);
    this.instances.set(id, instance);
    for (const cancel of (replaced && this.#timers.get(replaced)) ?? []) cancel();
    const run = runOf(id);
    this.#lives.set(run, Math.max(this.#lives.get(run) ?? 1, lifeOf(id)));
    this.#steps.log?.(`begin ${id}`);
    this.#steps.later(`start ${id}`, () => {
      this.#drive(instance).catch((broken: unknown) => this.#steps.fail(broken));
    });
    return instance;
  }

  /** Ends an instance from outside: what its activities are doing goes on. */
  end(id: string, reason: string): void {
    const instance = this.instances.get(id);
    if (instance?.status !== 'Running') return;
    instance.output = reason;
    this.#end(instance, 'Terminated');
  }

  /** Whose life something is done for. */
  ownerOf(id: string, input: unknown): Owner {
    const given = input as { runId?: unknown; life?: unknown } | undefined;
    const run = typeof given?.runId === 'string' ? given.runId : runOf(id);
    return { run, life: typeof given?.life === 'number' ? given.life : lifeOf(id) };
  }

  /** The newest life of a run that has begun. */
  newestLife(run: string): number {
    return this.#lives.get(run) ?? 1;
  }

  #end(instance: SimInstance, status: SimInstance['status']): void {
    instance.status = status;
    for (const cancel of this.#timers.get(instance) ?? []) cancel();
    this.#steps.log?.(`end ${instance.id}: ${status} ${instance.error ?? ''}`);
    instance.updatedAt = this.#steps.now;
    this.onEnd(instance);
  }

  #goesOn(instance: SimInstance): boolean {
    return instance.status === 'Running' && this.instances.get(instance.id) === instance;
  }

  /** An episode runs on some worker, by its clock. */
  #clock(at: { worker: number }): number {
    if (this.#workers.clocks.some((ahead) => ahead !== 0) && this.#steps.random() < 0.1) {
      at.worker = Math.floor(this.#steps.random() * this.#workers.clocks.length);
    }
    return this.#workers.now(at.worker).getTime();
  }

  async #drive(instance: SimInstance): Promise<void> {
    if (!this.#goesOn(instance)) return;
    const trace: Told[] = [];
    const at = { worker: Math.floor(this.#steps.random() * this.#workers.clocks.length), now: 0 };
    at.now = this.#clock(at);
    const started = at.now;
    try {
      const body = this.#orchestrators[instance.name]!({ df: this.#context(instance, at, false) });
      let next = body.next();
      while (!next.done) {
        const task = next.value as unknown as SimTask;
        const told: Told = { task: task.describe, now: 0 };
        try {
          told.value = await task.wait();
        } catch (thrown) {
          told.error = thrown instanceof Error ? thrown.message : String(thrown);
        }
        if (!this.#goesOn(instance)) return;
        at.now = this.#clock(at);
        trace.push({ ...told, now: at.now });
        next = tell(body, task, told);
      }
      instance.output = this.#wire(next.value, 'output');
      if (instance.next !== undefined) {
        this.#replay({ ...instance, status: 'Completed' }, trace, started);
        this.begin(instance.id, instance.name, instance.next);
        return;
      }
      this.#end(instance, 'Completed');
    } catch (thrown) {
      if (!this.#goesOn(instance)) return;
      instance.error = thrown instanceof Error ? thrown.message : String(thrown);
      this.#end(instance, 'Failed');
    }
    this.#replay(instance, trace, started);
  }

  /** The orchestrator again, from its history: it asks for the same tasks and comes to the same end. */
  #replay(instance: SimInstance, trace: readonly Told[], started: number): void {
    const past = { now: started };
    const body = this.#orchestrators[instance.name]!({ df: this.#context({ ...instance }, past, true) });
    let end: string;
    try {
      let next = body.next();
      for (const told of trace) {
        const task = next.done ? undefined : (next.value as unknown as SimTask);
        assert.equal(task?.describe ?? 'the end', told.task, 'replay is the same');
        past.now = told.now;
        next = tell(body, task!, told);
      }
      end = next.done ? JSON.stringify(next.value) : (next.value as unknown as SimTask).describe;
    } catch (thrown) {
      if (thrown instanceof assert.AssertionError) throw thrown;
      end = thrown instanceof Error ? thrown.message : String(thrown);
    }
    assert.equal(end, instance.status === 'Completed' ? JSON.stringify(instance.output) : instance.error);
  }

  #context(instance: SimInstance, at: { now: number }, isReplaying: boolean): Orchestration {
    return {
      instanceId: instance.id,
      isReplaying,
      get currentUtcDateTime() {
        return new Date(at.now);
      },
      getInput: <T>() => this.#wire(instance.input, 'input') as T,
      setCustomStatus: (status) => {
        const bytes = JSON.stringify(status).length * 2;
        assert.ok(bytes <= limits.customStatusBytesMax, `a custom status of ${bytes} bytes`);
        this.customStatusBytes = Math.max(this.customStatusBytes, bytes);
        instance.customStatus = status as RunStatus;
      },
      continueAsNew: (input) => {
        instance.next = this.#wire(input, 'input');
      },
      createTimer: (due) => {
        let cancel = () => {};
        const timer = task(`timer ${due.toISOString()}`, (resolve) => {
          cancel = this.#steps.timer(due.getTime(), () => resolve(undefined));
          this.#timers.set(instance, [...(this.#timers.get(instance) ?? []), cancel]);
        });
        return Object.assign(timer, { cancel: () => cancel() }) as Task & { cancel(): void };
      },
      callActivity: (name, input) =>
        task(`activity ${name} ${JSON.stringify(input)}`, (resolve, reject) =>
          this.#activity(instance, name, this.#wire(input, name), resolve, reject),
        ),
      callSubOrchestrator: (name, input, id) =>
        task(`sub ${name} ${id} ${JSON.stringify(input)}`, (resolve, reject) => {
          assert.ok(this.instances.get(id!)?.status !== 'Running', `${id} runs`);
          const sub = this.begin(id!, name, input);
          const poll = () => {
            if (sub.status === 'Running') this.#steps.timer(this.#steps.now + 1, poll);
            else if (sub.status === 'Completed') resolve(sub.output);
            else reject(new Error(sub.error ?? sub.status));
          };
          poll();
        }),
      callEntity: (entity, operation, input) =>
        task(`entity ${entity.name} ${entity.key} ${operation} ${JSON.stringify(input)}`, (resolve) =>
          this.#steps.later(`${entity.name} ${operation}`, () => {
            const answer = this.#operate(entity, operation, this.#wire(input ?? {}, operation) as object);
            this.#steps.later('answer', () => resolve(answer));
          }),
        ),
      Task: combined,
    };
  }

  #operate(entity: { name: string; key: string }, operation: string, input: object): unknown {
    const id = `${entity.name}/${entity.key}`;
    this.#steps.log?.(`entity ${id} ${operation} ${JSON.stringify(input)}`);
    const { state, result } = operate(entity.name, this.entities.get(id), { ...input, kind: operation });
    if (state !== undefined) this.entities.set(id, state);
    return this.#wire(result, `${id} ${operation}`);
  }

  #activity(
    instance: SimInstance,
    name: string,
    input: unknown,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const work = activityOf(name);
    const owner = this.ownerOf(instance.id, input);
    let answered = false;
    const execute = (again: boolean) => {
      const running: Running = {
        activity: name,
        instance: instance.id,
        input,
        again,
        owner,
        worker: this.#workers.turn(),
        dead: false,
        retry: () => this.#steps.later(`again ${name}`, () => execute(true)),
      };
      this.executed.push(name);
      this.#workers
        .execute(running, (environment) =>
          work({ environment, runs: this.runs!, now: this.#workers.now(running.worker) }, structuredClone(input)),
        )
        .then(
          (value) => {
            if (answered) return;
            answered = true;
            const wired = this.#wire(value, name);
            this.#steps.later(`answer ${name}`, () => resolve(wired));
          },
          (thrown: unknown) => reject(thrown),
        )
        .catch((broken: unknown) => this.#steps.fail(broken));
    };
    this.#steps.later(name, () => execute(false));
    const { duplicate } = this.#workers.chaos;
    if (duplicate > 0 && this.#steps.random() < duplicate) {
      this.#workers.note('an activity executed twice at once');
      this.#steps.later(`twice ${name}`, () => execute(true));
    }
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

/** The run that an instance is of, by its ID alone: helpers carry it in front. */
export function runOf(id: string): string {
  return id.replace(/~.*$/, '').replace(/-(tidy|tell-[0-9a-f]+)$/, '');
}

/** The life that an instance is of: `RUN~2`, `RUN~2~tidy`; without a number, the first. */
export function lifeOf(id: string): number {
  return Number(/~(\d+)(~|$)/.exec(id)?.[1] ?? 1);
}
