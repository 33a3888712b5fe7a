/**
 * Bounded concurrency for requests: started in order, at most `width` at a time; the first failure is the result.
 * @param items what to work on
 * @param width works under way at a time, at least 1
 * @param work what to do with an item; `index` is its place
 */
export async function forEachBounded<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let index = 0;
  let failed = false;
  const lane = async () => {
    for (let next = iterator.next(); !next.done && !failed; next = iterator.next()) {
      try {
        await work(next.value, index++);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const lane of settled) if (lane.status === 'rejected') throw lane.reason;
}

/**
 * The same, with results.
 * @param items what to work on
 * @param width works under way at a time, at least 1
 * @param work what to do with an item; `index` is its place
 * @returns the results, in the order of the items
 */
export async function mapBounded<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  await forEachBounded(items, width, async (item, index) => {
    results[index] = await work(item, index);
  });
  return results;
}

/** Uploads that overlap with work: `add` waits only when too many are under way. */
export class Uploads {
  readonly #width: number;
  readonly #open = new Set<Promise<void>>();
  #failure: { reason: unknown } | undefined;

  constructor(width: number) {
    this.#width = width;
  }

  /** Begins an upload, once fewer than `width` are under way. Throws what an earlier one threw. */
  async add(upload: () => Promise<unknown>): Promise<void> {
    while (this.#open.size >= this.#width) await Promise.race(this.#open);
    if (this.#failure) throw this.#failure.reason;
    const running: Promise<void> = upload().then(
      () => {
        this.#open.delete(running);
      },
      (reason: unknown) => {
        this.#open.delete(running);
        this.#failure ??= { reason };
      },
    );
    this.#open.add(running);
  }

  /** Resolves when everything is up; rejects with the first failure, once nothing is under way any more. */
  async done(): Promise<void> {
    await Promise.all(this.#open);
    if (this.#failure) throw this.#failure.reason;
  }
}
