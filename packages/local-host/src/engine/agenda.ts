/**
 * Wakes the engine and the timer triggers when something becomes due. `runtime.ts`, the activity queue and the timer
 * triggers use it. Tests replace the clock by a virtual one, so no rule of the engine may depend on `setTimeout`.
 */

/** How the engine is woken later: `setTimeout` in the host, a virtual clock in tests. */
export interface Timers {
  /** Calls `action` after `delayMs`; returns how to cancel. */
  after(delayMs: number, action: () => void): () => void;
}

/** Timers of the process. */
export const wallTimers: Timers = {
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The longest delay that a Node timer takes. */
export const delayMaxMs = 2 ** 31 - 1;

/** Targets with messages that become due later, earliest first: a binary heap and one timer for its root. */
export class Agenda {
  private readonly heap: { at: number; target: string }[] = [];
  private readonly now: () => number;
  private readonly timers: Timers;
  private readonly due: (target: string) => void;
  private cancel: (() => void) | undefined;
  private armedFor = Number.POSITIVE_INFINITY;

  constructor(now: () => number, timers: Timers, due: (target: string) => void) {
    this.now = now;
    this.timers = timers;
    this.due = due;
  }

  add(target: string, at: number): void {
    this.heap.push({ at, target });
    this.up(this.heap.length - 1);
    this.arm();
  }

  stop(): void {
    this.cancel?.();
    this.heap.length = 0;
  }

  private arm(): void {
    const at = this.heap[0]?.at ?? Number.POSITIVE_INFINITY;
    if (at >= this.armedFor) return;
    this.cancel?.();
    this.armedFor = at;
    const delayMs = Math.min(Math.max(0, at - this.now()), delayMaxMs);
    this.cancel = this.timers.after(delayMs, () => this.fire());
  }

  private fire(): void {
    this.cancel = undefined;
    this.armedFor = Number.POSITIVE_INFINITY;
    // A Node timer may fire a millisecond early. What is not due yet gets a new timer.
    while ((this.heap[0]?.at ?? Number.POSITIVE_INFINITY) <= this.now()) this.due(this.take());
    this.arm();
  }

  private take(): string {
    const root = this.heap[0]!;
    const last = this.heap.pop()!;
    if (this.heap.length > 0) {
      this.heap[0] = last;
      this.down(0);
    }
    return root.target;
  }

  private up(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.heap[parent]!.at <= this.heap[index]!.at) return;
      this.swap(parent, index);
      index = parent;
    }
  }

  private down(start: number): void {
    let index = start;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let least = index;
      if (left < this.heap.length && this.heap[left]!.at < this.heap[least]!.at) least = left;
      if (right < this.heap.length && this.heap[right]!.at < this.heap[least]!.at) least = right;
      if (least === index) return;
      this.swap(least, index);
      index = least;
    }
  }

  private swap(a: number, b: number): void {
    const kept = this.heap[a]!;
    this.heap[a] = this.heap[b]!;
    this.heap[b] = kept;
  }
}
