/**
 * Handles the event of one arriving blob; `src/registration/arrival.ts` calls it. Events may come late, twice and out of
 * order, so an event is only a hint: the blob that is there now decides. One version of a blob (its name and ETag)
 * starts one run, or belongs to one run, and a receipt records that. A blob that the pipeline must not read is reported
 * and must not be tried again, because a second try would end the same way.
 */

import { createHash } from 'node:crypto';
import type { RunInput } from '../documents/documents.ts';
import type { DurableRuns } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { type Log, logEvent } from '../environment/telemetry.ts';
import { OrdinalError } from '../errors.ts';
import { isRead } from '../ledger/take-versions.ts';
import { startRun } from '../lives/start.ts';
import type { ArrivalMode } from '../pipeline/arrival.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { fateOf, ledgerOf } from '../plan/run-ledger.ts';
import { readPinned } from '../source/source-file.ts';
import { writeJson } from '../storage/json.ts';
import { toMetadata } from '../storage/metadata.ts';
import { work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';
import { unlessConflict } from '../storage/write-once.ts';
import { GATHER_ORCHESTRATION, type GatherInput, gatherInstanceId } from './gather.ts';

export interface Arrival {
  environment: Environment;
  runs: DurableRuns;
  log: Log;
  now: Date;
  pipeline: CompiledPipeline;
  mode: ArrivalMode;
}

/** The result of an event. */
export type Verdict = 'started' | 'known' | 'gathered' | 'ignored' | 'gone' | 'refused';

/**
 * Handles the event of one blob.
 *
 * @param name the blob's name within the pipeline's source container.
 * @returns what was done. A blob that the pipeline cannot read is a result, not an error.
 * @throws OrdinalError `StorageFailed` and similar errors, for which the host should deliver the event again.
 */
export async function receiveArrival(arrival: Arrival, name: string): Promise<Verdict> {
  const { environment, pipeline, mode, log } = arrival;
  const verdict = isCandidate(pipeline, mode, name) ? await receiveCandidate(arrival, name) : 'ignored';
  if (verdict !== 'ignored') logEvent(log, 'arrival', { pipeline: pipeline.name, blob: name, verdict });
  return verdict;

  async function receiveCandidate(arrival: Arrival, name: string): Promise<Verdict> {
    const blob = await environment.store.head(pipeline.source.container, name);
    if (!blob) return 'gone';
    const digest = versionDigest(pipeline.name, blob);
    if (mode.on === 'marker') return startOnce(arrival, digest, { prefix: folderOf(name) });
    // In a storage account with a hierarchical namespace, folders appear as empty blobs.
    if (blob.size === 0) return 'ignored';
    const fault = await faultOf(arrival, blob);
    if (fault === 'replaced') return 'gone';
    if (fault !== undefined) return refuse(arrival, blob, digest, fault);
    if (mode.on === 'quiet') return gather(arrival, mode, blob, digest);
    // A run that was started in another way may have read it: then this one would read nothing.
    if (await wasRead(arrival, blob)) return 'known';
    const select = { by: 'blobs' as const, blobs: [name], etag: blob.etag };
    return startOnce(arrival, digest, { prefix: name, select, versions: 'new' });
  }
}

/** Decides by the name alone. Writers use names that begin with `_` or `.` for their own files. */
function isCandidate({ source }: CompiledPipeline, mode: ArrivalMode, name: string): boolean {
  if (!name.startsWith(source.prefix)) return false;
  const parts = name.slice(source.prefix.length).split('/');
  if (mode.on === 'marker') return parts.at(-1) === mode.name;
  return name.endsWith(source.suffix) && !parts.some((part) => /^[_.]/.test(part));
}

function wasRead({ environment, pipeline }: Arrival, { name, etag }: BlobItem): Promise<boolean> {
  return isRead(ledgerOf(environment, pipeline), { blob: name, etag }, fateOf(environment));
}

function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

/** A digest that is the same only for the same version of the same blob in the same pipeline. */
export function versionDigest(pipeline: string, { name, etag }: Pick<BlobItem, 'name' | 'etag'>): string {
  return createHash('sha256')
    .update(JSON.stringify([pipeline, name, etag]))
    .digest('hex')
    .slice(0, 40);
}

const MAGIC = 'PAR1';

/** Why the blob is not a Parquet file, from its first and last bytes; undefined when it looks like one. */
async function faultOf({ environment, pipeline }: Arrival, blob: BlobItem): Promise<string | undefined> {
  // The smallest file: magic, footer length, magic.
  if (blob.size < 12) return `it has ${blob.size} bytes`;
  const pinned = { blob: blob.name, etag: blob.etag, size: blob.size };
  const read = (offset: number) =>
    readPinned(environment.store, pipeline.source.container, pinned, offset, MAGIC.length);
  try {
    const ends = await Promise.all([read(0), read(blob.size - MAGIC.length)]);
    const [head, tail] = ends.map((bytes) => Buffer.from(bytes).toString('latin1'));
    if (head === MAGIC && tail === MAGIC) return undefined;
    if (tail === 'PARE') return 'its footer is encrypted';
    return head === MAGIC ? 'its end is missing: it was cut off' : 'it does not begin as one';
  } catch (thrown) {
    // The blob was overwritten or deleted while it was read. That change has an event of its own.
    if (thrown instanceof OrdinalError && thrown.code === 'SourceChanged') return 'replaced';
    throw thrown;
  }
}

async function refuse({ environment, log, pipeline }: Arrival, blob: BlobItem, digest: string, fault: string) {
  const { store, config } = environment;
  const report = {
    pipeline: pipeline.name,
    blob: blob.name,
    etag: blob.etag,
    size: blob.size,
    code: 'NotParquet',
    message: `"${blob.name}" is not a Parquet file: ${fault}`,
    remedy: 'Upload the whole file again, or keep such files out of the prefix of the source.',
  };
  await store.ensureContainer(config.workContainer);
  await writeJson(store, config.workContainer, work.refusal(pipeline.name, digest), { version: 1, ...report });
  logEvent(log, 'arrivalRefused', report, 'warn');
  return 'refused' as const;
}

/** Starts the run of a blob version, unless it was started before, at any time and with any result. */
async function startOnce(
  { environment, runs, now, pipeline, mode }: Arrival,
  digest: string,
  source: Pick<RunInput, 'prefix' | 'select' | 'versions'>,
): Promise<Verdict> {
  const { store, config } = environment;
  const receipt = work.receipt(pipeline.name, digest);
  const runId = `arrival-${digest}`;
  if (await store.head(config.workContainer, receipt)) return 'known';
  const deadline = new Date(now.getTime() + config.runHoursMax * 3_600_000).toISOString();
  const startedBy = { by: 'arrival', who: mode.on } as const;
  const input: RunInput = { runId, pipeline: pipeline.name, ...source, deadline, startedBy };
  const { claimed } = await startRun({ environment, runs, now }, input);
  // The receipt is written after the start. A process that dies in between starts the same run again, not a second one.
  await store.ensureContainer(config.workContainer);
  await store.write(config.workContainer, receipt, new Uint8Array(0), { metadata: { run: runId } });
  return claimed ? 'started' : 'known';
}

/** Writes a receipt, and starts the gatherer that will look at the receipts after the quiet period. */
async function gather(
  { environment, runs, pipeline }: Arrival,
  mode: Extract<ArrivalMode, { on: 'quiet' }>,
  blob: BlobItem,
  digest: string,
): Promise<Verdict> {
  const { store, config } = environment;
  const name = work.receipt(pipeline.name, digest);
  await store.ensureContainer(config.workContainer);
  const metadata = { blob: toMetadata(blob.name), etag: toMetadata(blob.etag) };
  await unlessConflict(store.write(config.workContainer, name, new Uint8Array(0), { ifAbsent: true, metadata }));
  const receipt = await store.head(config.workContainer, name);
  if (!receipt) throw new OrdinalError('StorageFailed', `receipt "${name}" is gone`, { retryable: true });
  const quietMs = mode.seconds * 1000;
  // All arrivals of one interval share one gatherer.
  const to = (Math.floor(Date.parse(receipt.lastModified) / quietMs) + 1) * quietMs;
  const input: GatherInput = { pipeline: pipeline.name, to, quietMs, waitMsMax: mode.waitSecondsMax * 1000 };
  await runs.start(GATHER_ORCHESTRATION, gatherInstanceId(pipeline.name, to), input);
  return 'gathered';
}
