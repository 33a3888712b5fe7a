/**
 * The source blobs of a run, as its plan pins them: listed, or looked up by name; always in name order. The plan calls
 * it. Which versions of them the run reads is decided by the ledger, and not here.
 */

import { createHash } from 'node:crypto';
import type { RunInput } from '../documents/documents.ts';
import { globMatcher, globPrefix, type Selection, selectionListSchema } from '../documents/selection.ts';
import { SKIPPED_NAMES_MAX, type Skipped } from '../documents/source-files.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import type { PinnedBlob } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { requireJson } from '../storage/json.ts';
import { fromMetadata } from '../storage/metadata.ts';
import { work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';

type Source = CompiledPipeline['source'];

/** The blobs of a run, and what a listing passed over: names that end otherwise, `.PARQUET` too. */
export interface SourceBlobs {
  blobs: PinnedBlob[];
  skipped?: Skipped;
}

/**
 * There may be none. Throws `SourceEmpty` or `SourceChanged` when a blob that was named is not there, or is another
 * version, and `LimitExceeded`.
 */
export async function sourceBlobs(environment: Environment, source: Source, input: RunInput): Promise<SourceBlobs> {
  const { select, prefix } = input;
  switch (select?.by) {
    case undefined:
      return listed(environment, source, prefix, () => true);
    case 'glob':
      return listed(environment, source, globPrefix(select.glob), globMatcher(select.glob), select.glob);
    case 'range':
      return listed(environment, source, prefix, inRange(select), `${select.first} to ${select.last}`);
    case 'blobs':
      return { blobs: await named(environment, source, select.blobs, exactly(select.etag)) };
    case 'list': {
      const { store, config } = environment;
      const { blobs } = await requireJson(store, config.workContainer, select.document, selectionListSchema);
      checkList(blobs, select);
      return { blobs: await named(environment, source, blobs, exactly(undefined)) };
    }
    case 'arrivals': {
      const versions = await arrived(environment, input.pipeline, select);
      // A version that is no longer there cannot be read; the one that replaced it has a receipt of its own.
      const current = (name: string, blob: BlobItem | undefined) => blob && versions.get(name)?.has(blob.etag) === true;
      return { blobs: await named(environment, source, [...versions.keys()], current) };
    }
  }
}

/** The list must be the one that the run was started with: its checksum is in the run's claim. */
function checkList(names: readonly string[], { document, sha256 }: Extract<Selection, { by: 'list' }>): void {
  if (createHash('sha256').update(JSON.stringify(names)).digest('hex') === sha256) return;
  throw new OrdinalError('CorruptFile', `"${document}" is not the list of blobs that the run was started with`, {
    where: { blob: document },
    remedy: 'Start the run again with its list of blobs.',
  });
}

async function listed(
  environment: Environment,
  source: Source,
  prefix: string,
  takes: (name: string) => boolean,
  shown = `${prefix}*${source.suffix}`,
): Promise<SourceBlobs> {
  const blobs: PinnedBlob[] = [];
  const skipped: Skipped = { count: 0, blobs: [] };
  for await (const blob of listSource(environment, source, prefix, takes, skipped)) {
    blobs.push(blob);
    checkCount(blobs.length, shown);
  }
  return { blobs, ...(skipped.count > 0 && { skipped }) };
}

/** The blobs of a source under a prefix, in name order, as many as there are. */
export async function* listSource(
  { store }: Pick<Environment, 'store'>,
  source: Source,
  prefix: string,
  takes: (name: string) => boolean,
  skipped?: Skipped,
): AsyncGenerator<PinnedBlob> {
  for await (const blob of store.list(source.container, prefix)) {
    // In an account with a hierarchical namespace, folders appear as empty blobs.
    if (!takes(blob.name) || blob.metadata.hdi_isfolder === 'true') continue;
    if (blob.name.endsWith(source.suffix)) yield pinned(blob);
    else if (skipped) {
      skipped.count++;
      if (skipped.blobs.length < SKIPPED_NAMES_MAX) skipped.blobs.push(blob.name);
    }
  }
}

/** Whether a name is in [first, last], in the order in which the service lists names. */
function inRange({ first, last, glob }: Extract<Selection, { by: 'range' }>): (name: string) => boolean {
  const [low, high] = [Buffer.from(first), Buffer.from(last)];
  const matches = glob === undefined ? () => true : globMatcher(glob);
  return (name) => {
    const bytes = Buffer.from(name);
    return Buffer.compare(low, bytes) <= 0 && Buffer.compare(bytes, high) <= 0 && matches(name);
  };
}

/** What a plan keeps of a blob: there may be a hundred thousand. */
function pinned({ name, etag, size }: BlobItem): PinnedBlob {
  return { blob: name, etag, size };
}

/** Whether a blob that was looked up is to be read; throws when its absence is an error. */
type Verdict = (name: string, blob: BlobItem | undefined) => boolean | undefined;

/** Every named blob must be there and, when an ETag is given, be that version. */
function exactly(etag: string | undefined): Verdict {
  return (name, blob) => {
    if (!blob) {
      throw new OrdinalError('SourceEmpty', `there is no blob "${name}" in the source`, {
        where: { blob: name, field: 'blobs' },
        remedy: 'Check the name; upload the source before the run starts.',
      });
    }
    if (etag !== undefined && blob.etag !== etag) {
      throw new OrdinalError('SourceChanged', `blob "${name}" was overwritten since it arrived`, {
        where: { blob: name },
        remedy: 'Do nothing: the new version is an arrival of its own.',
      });
    }
    return true;
  };
}

async function named(
  environment: Environment,
  source: Source,
  names: readonly string[],
  verdict: Verdict,
): Promise<PinnedBlob[]> {
  const distinct = [...new Set(names)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  checkCount(distinct.length, 'the list');
  const there = await lookUp(environment, source.container, distinct);
  const blobs = distinct.flatMap((name) => {
    const blob = there.get(name);
    return verdict(name, blob) && blob ? [pinned(blob)] : [];
  });
  return blobs;
}

/**
 * The blobs of these names, in byte order, that are there. Many are looked up in the listing of what their names have in
 * common, for a page of it costs one request, while it shows little else; the others one by one.
 */
async function lookUp(
  { store, config }: Environment,
  container: string,
  names: readonly string[],
): Promise<Map<string, BlobItem>> {
  const found = new Map<string, BlobItem>();
  let left: readonly string[] = names;
  if (names.length >= limits.namedBlobsListedMin) {
    let next = 0;
    let shown = 0;
    for await (const blob of store.list(container, commonPrefix(names[0]!, names.at(-1)!))) {
      const at = Buffer.from(blob.name);
      while (next < names.length && Buffer.compare(Buffer.from(names[next]!), at) < 0) next++;
      if (names[next] === blob.name) {
        found.set(blob.name, blob);
        next++;
      }
      if (next === names.length || ++shown > names.length * limits.namedBlobsShownMax) break;
    }
    // What the whole listing did not show is not there.
    left = shown > names.length * limits.namedBlobsShownMax ? names.slice(next) : [];
  }
  await mapBounded(left, config.requestsInFlight, async (name) => {
    const blob = await store.head(container, name);
    if (blob) found.set(name, blob);
  });
  return found;
}

/** The beginning that two names have in common: so do all between them. */
function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  // A surrogate pair is one character.
  if (/[\uD800-\uDBFF]$/.test(a.slice(0, length))) length--;
  return a.slice(0, length);
}

/** Blob → ETags of what arrived in an interval. Receipts of an interval are all written, since it lies in the past. */
async function arrived(
  environment: Environment,
  pipeline: string,
  { after, to }: Extract<Selection, { by: 'arrivals' }>,
): Promise<Map<string, Set<string>>> {
  const versions = new Map<string, Set<string>>();
  for await (const receipt of environment.store.list(environment.config.workContainer, work.receipts(pipeline))) {
    const at = Date.parse(receipt.lastModified);
    const { blob, etag } = receipt.metadata;
    if (at <= after || at > to || blob === undefined || etag === undefined) continue;
    const name = fromMetadata(blob);
    versions.set(name, (versions.get(name) ?? new Set()).add(fromMetadata(etag)));
  }
  return versions;
}

function checkCount(count: number, shown: string): void {
  if (count <= limits.sourceBlobsMax) return;
  throw new OrdinalError('LimitExceeded', `more than ${limits.sourceBlobsMax} blobs in "${shown}"`, {
    where: { field: 'prefix' },
    remedy: 'Run it by smaller prefixes.',
  });
}
