/**
 * Shows a run's progress: a bar that is redrawn in place on a terminal, and a line per change elsewhere. The demo's
 * runs call it. It must never hold a run up.
 */
import type { RunStatus } from './runs.ts';
import { count, seconds } from './text.ts';

/** Where progress is written; `process.stdout` is one. */
export interface ProgressOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const barWidth = 24;

/** One line for a status after `ms` milliseconds. The bar shows batches, `phase` what happens after them. */
export function progressLine(status: RunStatus, ms: number): string {
  const { batches, rows } = status;
  const share = batches.total > 0 ? Math.min(1, batches.done / batches.total) : 0;
  const filled = Math.round(share * barWidth);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`;
  const rate = ms > 0 ? Math.round((rows.done / ms) * 1000) : 0;
  return [
    status.phase.padEnd(7),
    bar,
    `${batches.done}/${batches.total} batches`,
    `${count(rows.done)} of ${count(rows.total)} rows`,
    `${count(rate)} rows/s`,
    seconds(ms),
  ].join('  ');
}

export class Progress {
  readonly #out: ProgressOutput;
  readonly #startedAt: number;
  readonly #now: () => number;
  #shown = '';
  #drawn = false;

  constructor(out: ProgressOutput, now: () => number = () => performance.now()) {
    this.#out = out;
    this.#now = now;
    this.#startedAt = now();
  }

  update(status: RunStatus): void {
    const line = progressLine(status, this.#now() - this.#startedAt);
    if (this.#out.isTTY) {
      // Cut to the terminal's width: a line that wraps could not be redrawn in place.
      this.#out.write(`\r\x1b[2K${line.slice(0, Math.max(1, (this.#out.columns || 120) - 1))}`);
      this.#drawn = true;
      return;
    }
    const state = `${status.phase} ${status.batches.done} ${status.rows.done} ${status.status}`;
    if (state === this.#shown) return;
    this.#shown = state;
    this.#out.write(`${line}\n`);
  }

  /** Ends the line that is being redrawn, if any. */
  end(): void {
    if (this.#drawn) this.#out.write('\n');
    this.#drawn = false;
  }
}
