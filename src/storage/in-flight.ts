/**
 * Requests in flight: at most so many at a time. Phases call it around whatever asks the store many times over. Nothing
 * that it started may still run when it throws: a retry would run beside its own earlier requests.
 */
import pMap from 'p-map';
import type { BlobStore } from './store.ts';

/**
 * Calls `work` for each item, in order, at most `width` at a time, and gives the results in order. After a failure
 * nothing more is started; what runs comes to its end, and then the first failure is thrown.
 * @param items what to work on
 * @param width works under way at a time, at least 1
 * @param work what to do with an item; `index` is its place
 * @returns the results, in the order of the items
 */
export async function mapBounded<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const running = new Set<Promise<R>>();
  const started = (item: T, index: number) => {
    const one = work(item, index);
    running.add(one);
    return one.finally(() => running.delete(one));
  };
  try {
    return await pMap(items, started, { concurrency: width });
  } finally {
    await Promise.allSettled(running);
  }
}

/**
 * Removes blobs.
 * @param store where they are
 * @param container their container
 * @param names their names; one that is not there is left out
 * @param width requests under way at a time, at least 1
 * @returns how many were there
 * @throws `StorageFailed` when the service cannot be reached or refuses
 */
export async function removeBlobs(
  store: Pick<BlobStore, 'remove'>,
  container: string,
  names: Iterable<string>,
  width: number,
): Promise<number> {
  const removed = await mapBounded(names, width, (name) => store.remove(container, name));
  return removed.filter(Boolean).length;
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
