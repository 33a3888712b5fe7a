/**
 * Limits how many HTTP requests run and wait at the same time (`extensions.http` of host.json). The host and the server
 * use it. A request above the limit is not run; its caller is answered with 429.
 */

/** What `extensions.http` allows at the same time. Undefined: no limit. */
export interface ThrottleLimits {
  /** Requests that are under way or wait. */
  outstandingMax: number | undefined;
  /** Requests that are under way. */
  concurrentMax: number | undefined;
}

/** Lets a limited number of requests run, lets a limited number wait in order of arrival, and refuses the others. */
export class Throttle {
  private readonly limits: ThrottleLimits;
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(limits: ThrottleLimits) {
    this.limits = limits;
  }

  /** @returns false when `action` was not run, because too many others wait already. @throws what `action` throws. */
  async run(action: () => Promise<void>): Promise<boolean> {
    const { outstandingMax = Number.POSITIVE_INFINITY, concurrentMax = Number.POSITIVE_INFINITY } = this.limits;
    if (this.running + this.waiting.length >= outstandingMax) return false;
    if (this.running < concurrentMax) this.running++;
    // A request that ends gives its place to the next one.
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      await action();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
    return true;
  }
}
