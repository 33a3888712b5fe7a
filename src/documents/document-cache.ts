/**
 * Documents that a process keeps in memory after it has read them once. `load.ts` and the seal use it. Only a document
 * that never changes under its key may be kept here. The cache has a limit in bytes; the entry that was unused for
 * longest leaves first. When an entry is lost, the only cost is another request.
 */

import type { Environment } from '../environment/environment.ts';
import { limits } from '../limits.ts';

interface Kept {
  value: unknown;
  /** Bytes of the document as stored. */
  bytes: number;
}

/** One cache for each environment, because two stores may have runs of the same ID. */
const keptOf = new WeakMap<Environment, Map<string, Kept>>();

/**
 * The value kept under `key`, or else what `load` gives. The key must name the version: whoever asks for a key gets
 * what another has read. Requests under way are not shared: one that never ends must hold up nobody else.
 */
export async function keep<T>(
  environment: Environment,
  key: string,
  load: () => Promise<{ value: T; bytes: number }>,
): Promise<T> {
  const all = keptOf.get(environment) ?? new Map<string, Kept>();
  keptOf.set(environment, all);
  const kept = all.get(key) ?? (await load());
  // The last entry of the map is the one that was used last.
  all.delete(key);
  all.set(key, kept);
  evict(all);
  return kept.value as T;
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
