/** A contestant as the harness holds it: a child process that starts with its first run and runs when it is told to. */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { contestantModule } from './bundle.ts';
import type { Engine, Work } from './contestants/contestant.ts';
import type { Answer, Measured, Request } from './contestants/process.ts';
import type { Racer } from './race.ts';

export class ContestantHandle implements Racer {
  readonly engine: Engine;
  readonly work: Work;
  readonly roundsMax: number | undefined;
  #process: { child: ChildProcess; ended: Promise<void> } | undefined;

  constructor(engine: Engine, work: Work, roundsMax?: number) {
    this.engine = engine;
    this.work = work;
    this.roundsMax = roundsMax;
  }

  get name(): string {
    return `${this.engine}/${this.work.threads}`;
  }

  /** The first run's time is from the start of the process. */
  async run(folder: string): Promise<Measured> {
    const run = { kind: 'run', folder: path.resolve(folder) } as const;
    if (this.#process) return await this.#ask(run);
    const module = await contestantModule();
    const begin = performance.now();
    this.#start(module);
    await this.#ask({ kind: 'open', engine: this.engine, work: this.work });
    const measured = await this.#ask(run);
    return { ...measured, wall: (performance.now() - begin) / 1000 };
  }

  async renew(): Promise<void> {
    if (this.#process?.child.connected) this.#process.child.disconnect();
    await this.#process?.ended;
    this.#process = undefined;
  }

  async close(): Promise<void> {
    await this.renew();
  }

  #start(module: string): void {
    const { engine, work } = this;
    // Where workers take all cores, the collector's helper threads would only take them from each other.
    const crowded = engine === 'ordinal' && work.threads >= availableParallelism();
    const child = fork(module, {
      execArgv: ['--disable-warning=ExperimentalWarning', ...(crowded ? ['--single-threaded-gc'] : [])],
      env: { ...process.env, POLARS_MAX_THREADS: String(work.threads) },
    });
    this.#process = { child, ended: new Promise((resolve) => child.once('exit', () => resolve())) };
  }

  #ask(request: Request): Promise<Measured> {
    const { child } = this.#process!;
    return new Promise((resolve, reject) => {
      const lost = (code: number | null, signal: string | null) =>
        reject(new Error(`${this.name} ended (${signal ?? code}) instead of answering`));
      child.once('exit', lost);
      child.once('message', (answer: Answer) => {
        child.off('exit', lost);
        if (answer.ok) resolve(answer.measured);
        else reject(new Error(`${this.name}: ${answer.error}`));
      });
      child.send(request);
    });
  }
}
