/**
 * Tasks of simulated orchestrations: what an orchestrator yields, and what it is told. Used by `sim-host.ts`; a task
 * knows nothing of instances.
 */
import type { Task } from 'durable-functions';
import type { Orchestration } from '../../../src/durable/context.ts';
import type { Orchestrator } from './sim-app.ts';

/** A task as the simulation sees it. It is scheduled when it is first waited for, and may be waited for again. */
export interface SimTask {
  describe: string;
  /** Of a race: who takes part. Its value is the number of the first. */
  racers: readonly SimTask[] | undefined;
  wait(): Promise<unknown>;
}

/** What an orchestrator was told, in order: its history. */
export interface Told {
  task: string;
  value?: unknown;
  error?: string;
  now: number;
}

/** A task that is scheduled when it is first waited for. */
export function task(
  describe: string,
  schedule: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void,
  racers?: readonly SimTask[],
): Task {
  let outcome: Promise<unknown> | undefined;
  const wait = () => {
    outcome ??= new Promise(schedule);
    return outcome;
  };
  return { describe, racers, wait } as unknown as Task;
}

/** Hands an orchestrator what its task came to. */
export function tell(body: ReturnType<Orchestrator>, { racers }: SimTask, { value, error }: Told) {
  if (error !== undefined) return body.throw(new Error(error));
  return body.next(racers ? racers[value as number] : structuredClone(value));
}

/** Several tasks as one. */
export const combined: Orchestration['Task'] = {
  all: (tasks) => {
    const all = tasks as unknown as SimTask[];
    return task(`all [${all.map((one) => one.describe).join('; ')}]`, (resolve, reject) => {
      Promise.all(all.map((one) => one.wait())).then(resolve, reject);
    });
  },
  any: (tasks) => {
    const all = tasks as unknown as SimTask[];
    const race = (resolve: (value: unknown) => void) => {
      for (const [i, one] of all.entries()) {
        const first = () => resolve(i);
        one.wait().then(first, first);
      }
    };
    return task(`any [${all.map((one) => one.describe).join('; ')}]`, race, all);
  },
};
