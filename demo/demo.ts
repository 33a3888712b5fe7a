/**
 * The demo's two runs, from upload to verification. Starting and stopping the services is `main.ts`'s. It must never
 * print a figure that it has not measured.
 */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { stepOf } from '../cli/commands/follow-run.ts';
import { Progress, type ProgressOutput } from '../cli/terminal/progress.ts';
import { bytes, count, seconds } from '../cli/terminal/text.ts';
import { Duck } from '../tools/duckdb.ts';
import { flightsFile, generateFlights } from '../tools/generate.ts';
import type { DemoBlobs, ListedBlob } from './blobs.ts';
import { DemoError } from './errors.ts';
import {
  checkListing,
  checkManifest,
  checkNoNewKeys,
  checkReported,
  checkUntouched,
  type DemoCheck,
  downloadRun,
  publishedContainer,
} from './published.ts';
import { checkLines, entityTable, rowsByEntity, sampleTable } from './report.ts';
import { followRun, type RunEntity, type RunStatus, startRun } from './runs.ts';
import { flights } from './verify/flights.ts';
import type { PublishedRun } from './verify/meaning.ts';
import { verifyRun } from './verify/verify.ts';

const pipeline = 'flights';
const landingContainer = 'landing';
const firstBlob = 'flights/flights-3m.parquet';
const secondBlob = 'flights/flights-part-2.parquet';
const secondPrefix = 'flights/flights-part';
/** The second blob repeats these rows of the first. */
const second = { from: 1_000_000, rows: 500_000 };

export interface DemoContext {
  /** Address of the Functions host, without a trailing slash. */
  host: string;
  blobs: DemoBlobs;
  /** Folder for the second source file and the downloaded data. */
  folder: string;
  out: ProgressOutput;
  signal: AbortSignal;
}

export interface RunFigures {
  runId: string;
  source: string;
  rows: number;
  /** From the start request to the completed status. */
  runMs: number;
  rowsPerSecond: number;
  /** Milliseconds in each phase, as seen by polling. */
  phasesMs: Record<string, number>;
  entities: RunEntity[];
  verifyMs: number;
  checks: DemoCheck[];
}

interface FinishedRun {
  status: RunStatus;
  published: PublishedRun;
  listed: ListedBlob[];
}

/** Starts a run and shows its progress until it has completed. */
async function run(context: DemoContext, prefix: string | undefined, figures: Partial<RunFigures>): Promise<RunStatus> {
  const startedAt = performance.now();
  const started = await startRun(context.host, pipeline, prefix === undefined ? {} : { prefix }, context.signal);
  context.out.write(`run ${started.runId} started: ${started.statusUrl}\n`);
  const progress = new Progress(context.out);
  const phasesMs: Record<string, number> = {};
  let seenAt = startedAt;
  try {
    const status = await followRun(started.statusUrl, {
      signal: context.signal,
      onStatus: (one) => {
        const now = performance.now();
        phasesMs[one.phase] = (phasesMs[one.phase] ?? 0) + now - seenAt;
        seenAt = now;
        progress.update(stepOf(one));
      },
    });
    const runMs = performance.now() - startedAt;
    const rows = status.rows.total;
    Object.assign(figures, { runId: status.runId, rows, runMs, rowsPerSecond: (rows / runMs) * 1000, phasesMs });
    Object.assign(figures, { entities: status.entities ?? [] });
    return status;
  } finally {
    progress.end();
  }
}

async function showRun(context: DemoContext, duck: Duck, status: RunStatus, published: PublishedRun): Promise<void> {
  const { out, blobs } = context;
  out.write(`\n${entityTable(status.entities ?? [])}\n\n`);
  out.write(`Where: ${blobs.address(publishedContainer)}\n`);
  if (status.manifest) out.write(`  manifest  ${status.manifest}\n`);
  for (const entity of status.entities ?? []) {
    for (const file of entity.files) out.write(`  ${file.blob}  ${bytes(file.bytes)}\n`);
  }
  for (const entity of status.entities ?? []) {
    const files = published.files[entity.entity] ?? [];
    if (entity.rows === 0 || files.length === 0) continue;
    out.write(`\n${entity.entity}, the first rows:\n${await sampleTable(duck, files, 3)}\n`);
  }
}

/** One run with its verification. Figures are filled in as they are known, so that a failed run leaves what it had. */
async function runAndVerify(
  context: DemoContext,
  source: { blob: string; file: string; prefix?: string },
  earlier: FinishedRun[],
  figures: Partial<RunFigures>,
): Promise<FinishedRun> {
  const { out, blobs, folder, signal } = context;
  figures.source = source.blob;
  await blobs.upload(landingContainer, source.blob, source.file, signal);
  out.write(`uploaded ${landingContainer}/${source.blob}: ${bytes((await stat(source.file)).size)}\n`);
  const status = await run(context, source.prefix, figures);
  if (!status.entities?.length) throw new DemoError(`run ${status.runId} completed but reports no entities`);
  const published = await downloadRun(blobs, status, [source.file], folder, signal);
  const listed = await blobs.list(publishedContainer, `${pipeline}/`, signal);
  if (status.manifest === undefined) throw new DemoError(`run ${status.runId} completed without a manifest`);
  const manifest = await blobs.download(publishedContainer, status.manifest, folder, signal);
  const [landed] = await blobs.list(landingContainer, source.blob, signal);
  const duck = await Duck.open({ tempFolder: folder });
  try {
    await showRun(context, duck, status, published);
    const startedAt = performance.now();
    const checks: DemoCheck[] = [
      checkListing(listed, [...earlier.map((one) => one.status), status]),
      checkManifest(await readFile(manifest, 'utf8'), status, landed!),
      checkReported(status.entities, await rowsByEntity(duck, published)),
      ...(await verifyRun(
        duck,
        flights,
        published,
        earlier.map((one) => one.published),
      )),
    ];
    const last = earlier.at(-1);
    if (last) {
      const keyed = flights.entities.filter((entity) => entity.kind === 'keyed').map((entity) => entity.name);
      checks.push(checkUntouched(last.listed, listed), ...checkNoNewKeys(status.entities, keyed));
    }
    figures.verifyMs = performance.now() - startedAt;
    figures.checks = checks;
    out.write(
      `\nVerified by DuckDB from the published files, in ${seconds(figures.verifyMs)}:\n${checkLines(checks)}\n`,
    );
  } finally {
    duck.close();
  }
  return { status, published, listed };
}

/** Both runs. Returns whether all checks hold; throws DemoError when a run does not complete. */
export async function runDemo(context: DemoContext, figures: Partial<RunFigures>[]): Promise<boolean> {
  const { out } = context;
  const add = (): Partial<RunFigures> => {
    figures.push({});
    return figures.at(-1)!;
  };
  out.write('\n== First run: three million real flights\n');
  const first = await runAndVerify(context, { blob: firstBlob, file: flightsFile() }, [], add());

  out.write(`\n== Second run: ${count(second.rows)} of the same flights again, in a second blob\n`);
  const file = path.join(context.folder, 'flights-part-2.parquet');
  await generateFlights({ ...second, out: file, codec: 'zstd' });
  await runAndVerify(context, { blob: secondBlob, file, prefix: secondPrefix }, [first], add());
  return figures.every((one) => one.checks?.every((check) => check.ok) ?? false);
}
