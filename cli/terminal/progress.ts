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
  /** More labels follow this one: the time left is of this one alone. */
  isPart?: boolean;
  done: number;
  /** Below 2 there is no bar: nothing is known of what is left, or it is one task. */
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

const countedBy = ({ rows, done, total }: Step) => rows ?? { done, total };

/** When the present label was first seen, and how much of it was done by then. */
interface Begin {
  ms: number;
  done: number;
}

/** Parts of the line, the most important first; as many as fit are shown, in this order. */
function partsOf(step: Step, ms: number, begin: Begin, left: number | undefined, bar: string): string[] {
  const { label, isPart, rows, done, total, unit, note } = step;
  const counted = countedBy(step);
  const rate = ms > begin.ms ? Math.round(((counted.done - begin.done) / (ms - begin.ms)) * 1000) : 0;
  const of = rows && rows.done < rows.total ? ` of ${count(rows.total)}` : '';
  return [
    total > 1
      ? `${label.padEnd(labelWidth)}  [${bar}]  ${count(done)}/${count(total)} ${unit}`
      : label.padEnd(labelWidth),
    ...(note ? [note] : []),
    ...(left === undefined ? [] : [`${duration(left)} left${isPart ? ` of ${label}` : ''}`]),
    ...(rows && rows.done > 0 ? [`${count(rows.done)}${of} rows`] : []),
    ...(rate > 0 ? [`${count(rate)} ${rows ? 'rows' : unit}/s`] : []),
    seconds(ms),
  ];
}

const shareOf = ({ done, total }: { done: number; total: number }) => (total > 0 ? Math.min(1, done / total) : 0);

/** The line of a log: everything but the time left. */
export function progressLine(step: Step, ms: number, begin: Begin = { ms: 0, done: 0 }): string {
  const filled = Math.round(shareOf(step) * barWidth);
  return partsOf(step, ms, begin, undefined, `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`).join('  ');
}

export class Progress {
  readonly #out: ProgressOutput;
  readonly #now: () => number;
  readonly #startedAt: number;
  #bar: SingleBar | undefined;
  #step: Step | undefined;
  #begin: Begin = { ms: 0, done: 0 };

  constructor(out: ProgressOutput, now: () => number = () => performance.now()) {
    this.#out = out;
    this.#now = now;
    this.#startedAt = now();
  }

  update(step: Step): void {
    const before = this.#step;
    this.#step = step;
    const ms = this.#now() - this.#startedAt;
    const anew = before?.label !== step.label;
    // What has no bar is the whole: its rate is that of all the time.
    if (anew) this.#begin = step.total > 1 ? { ms, done: countedBy(step).done } : { ms: 0, done: 0 };
    if (this.#out.isTTY) this.#draw(step, anew);
    else if (JSON.stringify(before) !== JSON.stringify(step)) {
      this.#out.write(`${progressLine(step, ms, this.#begin)}\n`);
    }
  }

  /** Ends the line that is being redrawn, if any. */
  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  /** A bar of the library. Its time left is that of the last ten changes; a new label begins to measure anew. */
  #draw(step: Step, anew: boolean): void {
    const { done, total } = step.total > 1 && step.rows && step.rows.total > 0 ? step.rows : step;
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
    const step = this.#step!;
    const known = typeof eta === 'number' && Number.isFinite(eta) && step.total > 1 && progress > 0 && progress < 1;
    const left = known ? eta * 1000 : undefined;
    const room = (this.#out.columns || 120) - 1;
    const [head = '', ...others] = partsOf(step, this.#now() - this.#startedAt, this.#begin, left, bar);
    let line = head.length <= room ? head : head.replace(/ *\[.*\]/, '').slice(0, room);
    for (const part of others) if (line.length + 2 + part.length <= room) line = `${line}  ${part}`;
    return line;
  }
}
