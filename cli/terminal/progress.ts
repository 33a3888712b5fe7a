/**
 * Shows how far something is: on a terminal a bar that cli-progress redraws in place, with rate and time left; elsewhere
 * a line for each change, so that a log shows what happened. It must never hold the work up.
 */
import { type Options, type Params, SingleBar } from 'cli-progress';
import { count, duration, seconds } from './text.ts';

/** Where progress is written; `process.stderr` is one. */
export interface ProgressOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** How far something is. */
export interface Step {
  /** What is being done: a run's phase, for example. */
  label: string;
  done: number;
  /** 0 while it is not known. */
  total: number;
  /** What `done` counts: `batches`. */
  unit: string;
  /** What the rate counts, where it is something else than `unit`. */
  rows?: { done: number; total: number };
  /** What more there is to say: what is waited for. */
  note?: string;
}

const barWidth = 24;
const labelWidth = 7;

/** Parts of the line, the most important first; as many as fit are shown, in this order. */
function partsOf(step: Step, ms: number, left: number | undefined, bar: string): string[] {
  const { rows = { done: step.done, total: step.total } } = step;
  const rate = ms > 0 ? Math.round((rows.done / ms) * 1000) : 0;
  const unit = step.rows ? 'rows' : step.unit;
  return [
    `${step.label.padEnd(labelWidth)}  [${bar}]  ${count(step.done)}/${count(step.total)} ${step.unit}`,
    ...(step.note ? [step.note] : []),
    ...(left === undefined ? [] : [`${duration(left)} left`]),
    ...(step.rows ? [`${count(rows.done)} of ${count(rows.total)} rows`] : []),
    ...(rate > 0 ? [`${count(rate)} ${unit}/s`] : []),
    seconds(ms),
  ];
}

const shareOf = ({ done, total }: { done: number; total: number }) => (total > 0 ? Math.min(1, done / total) : 0);

/** The line of a log: everything but the time left. */
export function progressLine(step: Step, ms: number): string {
  const filled = Math.round(shareOf(step) * barWidth);
  return partsOf(step, ms, undefined, `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`).join('  ');
}

export class Progress {
  readonly #out: ProgressOutput;
  readonly #now: () => number;
  readonly #startedAt: number;
  #bar: SingleBar | undefined;
  #step: Step | undefined;

  constructor(out: ProgressOutput, now: () => number = () => performance.now()) {
    this.#out = out;
    this.#now = now;
    this.#startedAt = now();
  }

  update(step: Step): void {
    const before = this.#step;
    this.#step = step;
    if (this.#out.isTTY) this.#draw(step, before?.label !== step.label);
    else if (JSON.stringify(before) !== JSON.stringify(step)) {
      this.#out.write(`${progressLine(step, this.#now() - this.#startedAt)}\n`);
    }
  }

  /** Ends the line that is being redrawn, if any. */
  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  /** A bar of the library. Its time left is that of the last ten changes; a new label begins to measure anew. */
  #draw(step: Step, anew: boolean): void {
    const { done, total } = step.rows && step.rows.total > 0 ? step.rows : step;
    this.#bar ??= new SingleBar({
      stream: this.#out as NodeJS.WritableStream,
      format: (options, params) => this.#line(options, params),
      barsize: barWidth,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      emptyOnZero: true,
    });
    if (anew) this.#bar.start(total, done);
    this.#bar.setTotal(total);
    this.#bar.update(done);
  }

  /** The line as wide as the terminal: what does not fit is left out, the least important first. */
  #line({ barCompleteString, barIncompleteString }: Options, { progress, eta }: Params): string {
    const filled = Math.round(progress * barWidth);
    const bar = `${barCompleteString?.slice(0, filled)}${barIncompleteString?.slice(0, barWidth - filled)}`;
    const left = typeof eta === 'number' && progress > 0 && progress < 1 ? eta * 1000 : undefined;
    const room = (this.#out.columns || 120) - 1;
    const [head = '', ...others] = partsOf(this.#step!, this.#now() - this.#startedAt, left, bar);
    let line = head.length <= room ? head : head.replace(/ *\[.*\]/, '').slice(0, room);
    for (const part of others) if (line.length + 2 + part.length <= room) line = `${line}  ${part}`;
    return line;
  }
}
