/** A contestant as the harness holds it: a child process that runs when it is told to. */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine, Work } from './contestants/contestant.ts';
import type { Answer, Measured, Request } from './contestants/process.ts';
import type { Racer } from './race.ts';

export class ContestantHandle implements Racer {
  readonly engine: Engine;
  readonly work: Work;
  readonly roundsMax: number | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #open: Measured | undefined;
  #runs = 0;

  constructor(engine: Engine, work: Work, roundsMax?: number) {
    this.engine = engine;
    this.work = work;
    this.roundsMax = roundsMax;
    // Where workers take all cores, the collector's helper threads would only take them from each other.
    const crowded = engine === 'ordinal' && work.threads >= availableParallelism();
    this.#child = fork(fileURLToPath(new URL('./contestants/process.ts', import.meta.url)), {
      execArgv: ['--disable-warning=ExperimentalWarning', ...(crowded ? ['--single-threaded-gc'] : [])],
      env: { ...process.env, POLARS_MAX_THREADS: String(work.threads) },
    });
    this.#ended = new Promise((resolve) => this.#child.once('exit', () => resolve()));
  }

  get name(): string {
    return `${this.engine}/${this.work.threads}`;
  }

  /** The first run's time includes loading and opening. */
  async run(folder: string): Promise<Measured> {
    this.#open ??= await this.#ask({ kind: 'open', engine: this.engine, work: this.work });
    const measured = await this.#ask({ kind: 'run', folder: path.resolve(folder) });
    if (this.#runs++ > 0) return measured;
    return { ...measured, wall: measured.wall + this.#open.wall, cpu: measured.cpu + this.#open.cpu };
  }

  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }

  #ask(request: Request): Promise<Measured> {
    return new Promise((resolve, reject) => {
      const lost = (code: number | null, signal: string | null) =>
        reject(new Error(`${this.name} ended (${signal ?? code}) instead of answering`));
      this.#child.once('exit', lost);
      this.#child.once('message', (answer: Answer) => {
        this.#child.off('exit', lost);
        if (answer.ok) resolve(answer.measured);
        else reject(new Error(`${this.name}: ${answer.error}`));
      });
      this.#child.send(request);
    });
  }
}
