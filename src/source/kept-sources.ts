/**
 * Small source files that the plan of a short run has read whole, for the split of the same life in the same process: so
 * each of them is read once. The plan puts them here, and the split takes them, once each. It must never give the bytes
 * of another version than the one that was pinned, nor keep them for long: what is not there is read again.
 */
import { limits } from '../limits.ts';
import type { PinnedBlob } from './source-file.ts';

interface KeptSources {
  /** The life that they are for. */
  owner: string;
  files: Map<string, Uint8Array>;
  bytes: number;
  timer: NodeJS.Timeout;
}

/** Of each process, by the environment that its activities have. */
const keptOf = new WeakMap<object, KeptSources>();

/** Begins to keep sources for a life; those of others go. Returns what keeps a file, if there is room. */
export function keepSources(
  process: object,
  owner: string,
): (container: string, file: PinnedBlob, bytes: Uint8Array) => void {
  forgetSources(process);
  // Whoever does not come for them in time reads them again.
  const timer = setTimeout(() => forgetSources(process, owner), limits.shortKeptSecondsMax * 1000).unref();
  const kept: KeptSources = { owner, files: new Map(), bytes: 0, timer };
  keptOf.set(process, kept);
  return (container, { blob, etag }, bytes) => {
    if (kept.bytes + bytes.byteLength > limits.keptSourceBytesMax) return;
    kept.files.set(keyOf(container, blob, etag), bytes);
    kept.bytes += bytes.byteLength;
  };
}

/** The whole file in the version of that ETag, if it is kept. It is given once. */
export function takeSource(process: object, container: string, name: string, etag: string): Uint8Array | undefined {
  const kept = keptOf.get(process);
  if (!kept) return undefined;
  const key = keyOf(container, name, etag);
  const bytes = kept.files.get(key);
  if (bytes && kept.files.delete(key)) kept.bytes -= bytes.byteLength;
  return bytes;
}

/** Gives the memory back. @param owner only what is kept for this life. */
export function forgetSources(process: object, owner?: string): void {
  const kept = keptOf.get(process);
  if (!kept || (owner !== undefined && kept.owner !== owner)) return;
  clearTimeout(kept.timer);
  keptOf.delete(process);
}

function keyOf(container: string, name: string, etag: string): string {
  return JSON.stringify([container, name, etag]);
}
