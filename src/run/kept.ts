/**
 * What a process keeps of its runs: documents that never change under their key, for the activities that follow to find
 * without a request. Bounded in bytes; the longest unused goes first. Losing all of it costs requests and nothing else.
 */
import { limits } from '../limits.ts';
import type { Environment } from './environment.ts';

interface Kept {
  value: Promise<unknown>;
  /** Bytes of the document as stored; 0 while it is being read. */
  bytes: number;
}

/** By environment: two stores may know runs of the same ID. */
const keptOf = new WeakMap<Environment, Map<string, Kept>>();

/**
 * The value kept under `key`, or else what `load` gives, which several activities wait for at once. The key must name
 * the version: whoever asks for a key gets what the first one read.
 */
export function keep<T>(
  environment: Environment,
  key: string,
  load: () => Promise<{ value: T; bytes: number }>,
): Promise<T> {
  const all = keptOf.get(environment) ?? new Map<string, Kept>();
  keptOf.set(environment, all);
  const known = all.get(key);
  if (known) {
    all.delete(key);
    all.set(key, known);
    return known.value as Promise<T>;
  }
  const loading = load();
  const entry: Kept = { value: loading.then(({ value }) => value), bytes: 0 };
  all.set(key, entry);
  loading.then(
    ({ bytes }) => {
      entry.bytes = bytes;
      evict(all);
    },
    () => {
      if (all.get(key) === entry) all.delete(key);
    },
  );
  return entry.value as Promise<T>;
}

function evict(all: Map<string, Kept>): void {
  let total = 0;
  for (const { bytes } of all.values()) total += bytes;
  for (const [key, { bytes }] of all) {
    if (total <= limits.keptBytesMax && all.size <= limits.keptDocumentsMax) break;
    all.delete(key);
    total -= bytes;
  }
}
