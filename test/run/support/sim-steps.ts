/**
 * What may happen next in a simulated world, and its clock: steps that are ready, steps that are not due yet, timers. A
 * seeded choice takes one step at a time. Used by the parts of `sim.ts`; it must never look at a real clock or ask for
 * real randomness, or a seed would not repeat its history.
 */
interface Step {
  label: string;
  fire: () => void;
}

/** While something is still on its way, timers that are further off than this wait for it. Milliseconds. */
const TIMER_AHEAD_MS = 120_000;

export class Steps {
  now = Date.parse('2030-01-01T00:00:00.000Z');
  /** Steps that were taken. */
  taken = 0;
  /** Told of what happens, for whoever looks at one history. */
  log: ((text: string) => void) | undefined;
  readonly random: () => number;
  readonly #ready: Step[] = [];
  #delayed: (Step & { due: number })[] = [];
  #broken: unknown;
  #timers: { at: number; fire: () => void }[] = [];

  constructor(random: () => number) {
    this.random = random;
  }

  /** `delay` is a number of steps: how many others are taken before this one may be. */
  later(label: string, fire: () => void, delay = 0): void {
    if (delay > 0) this.#delayed.push({ label, fire, due: this.taken + delay });
    else this.#ready.push({ label, fire });
  }

  /** The same as a promise. */
  next(label: string, delay = 0): Promise<void> {
    return new Promise((resolve) => this.later(label, resolve, delay));
  }

  /** Gives what takes the timer back. */
  timer(at: number, fire: () => void): () => void {
    const timer = { at, fire };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Something broke outside of whoever takes steps: the next step throws it. */
  fail(error: unknown): void {
    this.#broken ??= error;
  }

  /** Whether anything is ready or on its way, timers apart. */
  get busy(): boolean {
    return this.#ready.length + this.#delayed.length > 0;
  }

  /** Takes one step. False when nothing is left to happen. */
  async take(): Promise<boolean> {
    this.taken++;
    this.now++;
    if (this.#delayed.length > 0) this.#promote();
    if (this.#ready.length > 0) {
      const at = Math.floor(this.random() * this.#ready.length);
      const step = this.#ready[at]!;
      this.#ready[at] = this.#ready.at(-1)!;
      this.#ready.pop();
      step.fire();
    } else if (this.#delayed.length > 0 && !(this.#timerIsNear() && this.random() < 0.5)) {
      this.taken = Math.min(...this.#delayed.map(({ due }) => due));
    } else if (!this.#fireTimer()) return false;
    // Everything in between is promises: one turn of the event loop ends it.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#broken !== undefined) throw this.#broken;
    return true;
  }

  #promote(): void {
    const due = this.#delayed.filter((step) => step.due <= this.taken);
    if (due.length === 0) return;
    this.#delayed = this.#delayed.filter((step) => step.due > this.taken);
    this.#ready.push(...due);
  }

  #timerIsNear(): boolean {
    return this.#timers.some(({ at }) => at <= this.now + TIMER_AHEAD_MS);
  }

  #fireTimer(): boolean {
    if (this.#timers.length === 0) return false;
    const first = this.#timers.reduce((a, b) => (b.at < a.at ? b : a));
    this.#timers = this.#timers.filter((timer) => timer !== first);
    this.now = Math.max(this.now, first.at);
    first.fire();
    return true;
  }
}

/** A small generator of random numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function forever(): Promise<never> {
  return new Promise(() => undefined);
}
