/**
 * The workers of a simulated world: what they execute, each over its own environment and clock, and what becomes of
 * their storage requests: slow, refused, lost, held back, or the end of the worker. Used by `sim-host.ts` and
 * `sim-clients.ts`; it knows nothing of orchestrations.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Environment } from '../../../src/environment/environment.ts';
import { OrdinalError } from '../../../src/errors.ts';
import type { FaultPoint } from '../../support/faults.ts';
import { Crossings, type Owner } from './sim-crossings.ts';
import { forever, type Steps } from './sim-steps.ts';

/** What may become of an execution at a fault point: it passes, dies, waits for `resume`, or gets an error. */
export type Verdict = 'pass' | 'die' | 'hold' | Error;

/** One execution of an activity, or of what a client asked for. */
export interface Execution {
  activity: string;
  instance: string;
  input: unknown;
  /** Executed again after its worker died. */
  again: boolean;
}

export interface Running extends Execution {
  owner: Owner;
  worker: number;
  dead: boolean;
  /** Another worker is given it. */
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
  /** Storage requests at which an execution is given up for lost, and executed again, while it goes on. */
  lost: number;
  /** Storage requests that take long: up to a thousand steps. */
  slow: number;
}

export const calm: Chaos = { storage: 0, fatal: 0, die: 0, duplicate: 0, lost: 0, slow: 0 };

export class Workers {
  readonly environments: Environment[];
  /** What each worker's clock is ahead of the world's, in milliseconds. */
  readonly clocks: number[];
  readonly chaos: Chaos;
  readonly crossings: Crossings;
  /** How often each kind of fault was injected. */
  readonly injected: Map<string, number> = new Map();
  /** Called at every fault point of an execution. */
  onPoint: (point: FaultPoint, execution: Execution) => Verdict = () => 'pass';
  /** Lives that the next request of theirs is refused for good, by `<run> <life>`. */
  readonly doomed = new Set<string>();
  readonly #steps: Steps;
  readonly #executions = new AsyncLocalStorage<Running>();
  readonly #running = new Set<Running>();
  readonly #held: (() => void)[] = [];
  #next = 0;

  constructor(steps: Steps, environments: Environment[], chaos: Chaos) {
    this.#steps = steps;
    this.environments = environments;
    this.clocks = environments.map(() => 0);
    this.chaos = chaos;
    this.crossings = new Crossings(steps);
  }

  note(fault: string): void {
    this.#steps.log?.(`fault: ${fault}`);
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1);
  }

  /** The time as a worker has it. */
  now(worker: number): Date {
    return new Date(this.#steps.now + this.clocks[worker]!);
  }

  /** Workers take turns. */
  turn(): number {
    return this.#next++ % this.environments.length;
  }

  /** Executes something on a worker. Never settles when the worker dies on the way. */
  async execute<T>(running: Running, work: (environment: Environment) => Promise<T>): Promise<T> {
    this.#running.add(running);
    try {
      const value = await this.#executions.run(running, () => work(this.environments[running.worker]!));
      return running.dead ? await forever() : value;
    } finally {
      this.#running.delete(running);
    }
  }

  /** The hook of the store that workers see. */
  async reached(point: FaultPoint): Promise<void> {
    const running = this.#executions.getStore();
    // A request from outside of any execution.
    if (!running) return;
    if (running.dead) return await forever();
    if (point.at === 'before') {
      await this.#steps.next(point.point, this.#delay());
      if (running.dead) return await forever();
      // A request that is held back has left its worker already: it lands though the worker dies.
      await this.crossings.wait(point, running.owner, () => {
        this.note('a request held back until a newer life has come past it');
        this.#lose(running);
      });
    }
    let verdict = this.onPoint(point, running);
    if (verdict === 'pass' && !running.dead) verdict = this.#misfortune(point, running);
    if (verdict === 'die') {
      this.kill(running.worker);
      return await forever();
    }
    if (verdict === 'hold') await new Promise<void>((resolve) => this.#held.push(resolve));
    else if (verdict !== 'pass') throw verdict;
    if (point.at === 'before') {
      const { run, life } = running.owner;
      this.#steps.log?.(`${run}~${life} ${running.activity} (${running.instance}): ${point.operation} ${point.name}`);
      this.crossings.lands(point, running.owner);
    } else {
      this.crossings.done(point, running.owner);
      if (running.dead) await forever();
    }
  }

  /** Ends a worker: all that it executes is lost, and executed again by another, without its caches. */
  kill(worker: number): void {
    this.environments[worker] = { ...this.environments[worker]! };
    for (const running of [...this.#running]) {
      if (running.worker !== worker || running.dead) continue;
      running.dead = true;
      this.#running.delete(running);
      running.retry();
    }
  }

  /** Lets executions that `onPoint` held go on. */
  resume(): void {
    for (const resolve of this.#held.splice(0)) this.#steps.later('resume', resolve);
  }

  /** The execution is given up for lost by the host, and goes on. */
  #lose(running: Running): void {
    running.retry();
  }

  #delay(): number {
    if (this.chaos.slow === 0 || this.#steps.random() >= this.chaos.slow) return 0;
    this.note('a request that takes long');
    return Math.floor(10 ** (3 * this.#steps.random()));
  }

  #misfortune(point: FaultPoint, running: Running): Verdict {
    const { storage, fatal, die, lost } = this.chaos;
    const happens = (share: number) => share > 0 && this.#steps.random() < share;
    if (this.doomed.size > 0 && this.doomed.delete(`${running.owner.run} ${running.owner.life}`)) {
      this.note('a request refused for good');
      return new OrdinalError('StorageFailed', `refused at ${point.point}`);
    }
    if (happens(fatal)) {
      this.note('a request refused for good');
      return new OrdinalError('StorageFailed', `refused at ${point.point}`);
    }
    if (happens(storage)) {
      this.note(point.at === 'before' ? 'a request that fails for now' : 'a request whose answer is lost');
      return new OrdinalError('StorageFailed', `planned at ${point.point}`, { retryable: true });
    }
    if (happens(lost)) {
      this.note('an activity executed again while the first goes on');
      this.#lose(running);
    }
    if (!happens(die)) return 'pass';
    this.note('a worker that dies at a request');
    return 'die';
  }
}
