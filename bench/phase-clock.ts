/** Times the phases of a run: each lasts until the next begins. */
export class PhaseClock {
  readonly milliseconds: Record<string, number> = {};
  #phase = '';
  #since = 0;

  /** Says which phase the run is in now; saying it again changes nothing. */
  begin(phase: string): void {
    if (phase === this.#phase) return;
    const now = performance.now();
    if (this.#phase) this.milliseconds[this.#phase] = (this.milliseconds[this.#phase] ?? 0) + now - this.#since;
    this.#phase = phase;
    this.#since = now;
  }
}
