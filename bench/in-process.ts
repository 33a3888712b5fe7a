/**
 * Drives the real run orchestrator without a durable host: no history, no replay; entities are their pure reducers.
 * Activities go to whoever is given. What remains is the engine's own time, phase by phase.
 */
import type { Task } from 'durable-functions';
import type { Orchestration } from '../src/durable/context.ts';
import { SHARD_ORCHESTRATION } from '../src/durable/fan-out.ts';
import { invariant } from '../src/errors.ts';
import { type RunOutput, runOrchestrator, shardOrchestrator } from '../src/run/orchestrator.ts';
import { sequenceEntityName } from '../src/sequence/calls.ts';
import { type LeaseState, reduceLeaseAny } from '../src/sequence/lease.ts';
import { reduceAny } from '../src/sequence/reducer.ts';
import type { SequenceState } from '../src/sequence/state.ts';

export interface InProcessOptions {
  pipeline: string;
  prefix: string;
  runId: string;
  /** Runs one activity and gives what it returns. */
  activity(name: string, input: unknown): Promise<unknown>;
  /** Told when a phase begins. */
  onPhase?: (phase: string) => void;
}

/** Runs a pipeline from its first phase to its manifest. Throws the run's error. */
export function runInProcess(options: InProcessOptions): Promise<RunOutput> {
  const host = new Host(options);
  const { pipeline, prefix, runId } = options;
  return host.run<RunOutput>(runOrchestrator, { pipeline, prefix, runId }, runId);
}

type Orchestrator<T> = (context: { df: Orchestration }) => Generator<Task, T, unknown>;

class Host {
  readonly #options: InProcessOptions;
  readonly #sequences = new Map<string, SequenceState | undefined>();
  readonly #leases = new Map<string, LeaseState | undefined>();
  #phase = '';

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  async run<T>(orchestrator: Orchestrator<T>, input: unknown, instanceId: string): Promise<T> {
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
        return task(this.run<unknown>(shardOrchestrator, argument, id));
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
        const { phase } = status as { phase: string };
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
