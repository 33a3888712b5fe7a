/**
 * Work on many items, a few at a time. The pattern apps and the bench use it for requests to storage. It stops at the
 * first error, and never has more than `requestsAtOnceMax` under way.
 */
const requestsAtOnceMax = 16;

export async function forEach<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const one = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: requestsAtOnceMax }, one));
}
