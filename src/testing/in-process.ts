/**
 * Drives the real run orchestrator without a durable host: no history, no replay; entities are their pure reducers.
 * Activities go to whoever is given. `tryPipeline` and the benchmarks call it. It must not do anything that a host would
 * not.
 */
import type { Task } from 'durable-functions';
import type { Orchestration } from '../durable/context.ts';
import { SHARD_ORCHESTRATION } from '../durable/fan-out.ts';
import { type ErrorValue, fromErrorValue, invariant } from '../errors.ts';
import { type RunOutput, runOrchestrator, shardOrchestrator } from '../run/orchestrator.ts';
import { sequenceEntityName } from '../sequence/calls.ts';
import { type LeaseState, reduceLeaseAny } from '../sequence/lease.ts';
import { reduceAny } from '../sequence/reducer.ts';
import type { SequenceState } from '../sequence/state.ts';

export interface InProcessOptions {
  /** Runs one activity and gives what it returns. */
  activity(name: string, input: unknown): Promise<unknown>;
  /** Told when a phase begins. */
  onPhase?: (phase: string) => void;
}

type Orchestrator<T> = (context: { df: Orchestration }) => Generator<Task, T, unknown>;

/** Sequences and leases as they are between runs, and who executes activities. */
export class InProcess {
  readonly #options: InProcessOptions;
  readonly #sequences = new Map<string, SequenceState | undefined>();
  readonly #leases = new Map<string, LeaseState | undefined>();
  #phase = '';
  #error: ErrorValue | undefined;

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  /**
   * Runs a pipeline from its first phase to its manifest, over the blobs under `prefix`.
   * @throws OrdinalError what the run failed with
   */
  async run(pipeline: string, prefix: string, runId: string): Promise<RunOutput> {
    this.#error = undefined;
    try {
      return await this.#orchestrate<RunOutput>(runOrchestrator, { pipeline, prefix, runId }, runId);
    } catch (thrown) {
      // The orchestration fails with a text; its status has the whole error.
      throw this.#error === undefined ? thrown : fromErrorValue(this.#error);
    }
  }

  async #orchestrate<T>(orchestrator: Orchestrator<T>, input: unknown, instanceId: string): Promise<T> {
    const generator = orchestrator({ df: this.#context(input, instanceId) });
    for (let step = generator.next(); ; ) {
      if (step.done) return step.value;
      let result: unknown;
      try {
        result = await promiseOf(step.value);
      } catch (thrown) {
        step = generator.throw(thrown);
        continue;
      }
      step = generator.next(result);
    }
  }

  #context(input: unknown, instanceId: string): Orchestration {
    return {
      instanceId,
      isReplaying: false,
      currentUtcDateTime: new Date(),
      Task: {
        all: (tasks) => task(Promise.all(tasks.map(promiseOf))),
        // As in the SDK, the answer is the task that was first.
        any: (tasks) => task(Promise.race(tasks.map((one) => promiseOf(one).then(() => one)))),
      },
      getInput: <T>() => input as T,
      callActivity: (name, argument) => task(this.#options.activity(name, argument)),
      callSubOrchestrator: (name, argument, id) => {
        invariant(name === SHARD_ORCHESTRATION, `orchestration "${name}" is a shard`);
        return task(this.#orchestrate<unknown>(shardOrchestrator, argument, id));
      },
      callEntity: ({ name, key }, kind, argument) => {
        const operation = { ...(argument as object), kind };
        return task(Promise.resolve(this.#entity(name, key, operation)));
      },
      createTimer: (fireAt) => {
        let timer: NodeJS.Timeout | undefined;
        const fired = new Promise((resolve) => {
          timer = setTimeout(resolve, fireAt.getTime() - Date.now());
        });
        return Object.assign(task(fired), { cancel: () => clearTimeout(timer) });
      },
      continueAsNew: () => invariant(false, 'a run does not begin anew'),
      setCustomStatus: (status) => {
        const { phase, error } = status as { phase: string; error?: ErrorValue };
        this.#error = error;
        if (phase === this.#phase) return;
        this.#phase = phase;
        this.#options.onPhase?.(phase);
      },
    };
  }

  #entity(name: string, key: string, operation: object): unknown {
    if (name === sequenceEntityName) {
      const { state, result } = reduceAny(this.#sequences.get(key), operation);
      this.#sequences.set(key, state);
      return result;
    }
    const { state, result } = reduceLeaseAny(this.#leases.get(key), operation);
    this.#leases.set(key, state);
    return result;
  }
}

/** A task here is a promise in the SDK's clothes: the orchestrator hands it back and never looks into it. */
function task(promise: Promise<unknown>): Task {
  // Awaited later, or never when a sibling fails first.
  promise.catch(() => undefined);
  return { promise } as unknown as Task;
}

function promiseOf(value: Task): Promise<unknown> {
  return (value as unknown as { promise: Promise<unknown> }).promise;
}
