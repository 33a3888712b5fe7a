/**
 * Verifies what a run published. Everything is read again with our own reader and compared with the manifest, with
 * every other manifest that uses the same sequences and key indexes, and with itself. The command `verify` and tests
 * call it. It changes nothing.
 */

import { crcOf, crcText } from '../bytes/crc32.ts';
import type { Manifest, PublishedFile } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { parseFooter } from '../parquet/footer-read.ts';
import { readTable, type Table } from '../parquet/table.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { countOf, fromJson } from '../sequence/id-range.ts';
import { checkIds, idColumns } from './ids.ts';
import type { KeyBook } from './key-book.ts';
import { checkReferences, type Span, spansOf } from './references.ts';
import { type RewrittenFiles, rewriteText, rewrittenFiles } from './rewritten.ts';
import { States } from './states.ts';
import { checkMembers, memberRows } from './unknown-members.ts';
import { compareWithSource } from './values.ts';

export { readKeyBook } from './key-book.ts';
export { States };

export interface VerifyReport {
  runId: string;
  pipeline: string;
  files: number;
  rows: number;
  /** Source rows that the published values were compared with; null when they were not. */
  compared: number | null;
  /** What is wrong. Empty when nothing is. */
  findings: string[];
  /** Files that other engines rewrote in their table, and that are gone since. */
  unread: number;
  /** What could not be checked, and why. */
  notes: string[];
}

export interface VerifyOptions {
  /** Read the source again and compare every value. @default true */
  source?: boolean;
  /** Shared when several runs are verified, in the order in which they finished. */
  states?: States;
}

/**
 * Verifies one run. `all` are the manifests of all runs, this one among them, and `book` their keys.
 *
 * - Files are there, with the bytes, checksum and rows that the manifest says; nothing but them counts.
 * - Source rows are those of the inputs; each is in every rows entity that takes all rows, or refused.
 * - Own IDs are, row by row, those of the ranges in the manifest; further IDs are those of their part of the run's
 * ranges.
 * - Each range of a sequence was given only once, over all runs, and lies where the sequence was at that time.
 * - A natural key has one ID, over all runs that share its index.
 * - References are IDs that the referenced entity published, in this run or an earlier one.
 * - The unknown members that references name have one row each, over all runs that share the index, with nothing but an ID.
 * - Every published value is what the pipeline makes of the source now (`verify/values.ts`), if neither the source nor
 * the
 *   pipeline has changed.
 */
export async function verifyRun(
  environment: Environment,
  manifest: Manifest,
  all: readonly Manifest[],
  book: KeyBook,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const findings: string[] = [];
  const { runId, pipeline: name } = manifest;
  const report: VerifyReport = {
    runId,
    pipeline: name,
    files: 0,
    rows: 0,
    compared: null,
    findings,
    unread: 0,
    notes: [],
  };
  const pipeline = environment.pipelines.get(manifest.pipeline);
  if (!pipeline) {
    findings.push(`pipeline "${manifest.pipeline}" is no longer registered`);
    return report;
  }
  const rewritten = await rewrittenFiles(environment, manifest, pipeline);
  report.notes.push(...rewritten.notes);
  findings.push(...overlaps(manifest, all), ...sums(manifest), ...(await conserved(environment, manifest, pipeline)));
  for (const published of manifest.entities) {
    const entity = pipeline.entities.find(({ name }) => name === published.entity);
    if (!entity) {
      findings.push(`${published.entity}: the pipeline no longer has this entity`);
      continue;
    }
    const ids = idColumns(pipeline, entity, manifest, published);
    let row = 0;
    findings.push(...checkMembers(pipeline, entity, manifest, all));
    const { known, changes, unknown } = published;
    const further = [known, changes, unknown].flatMap((dataset) => dataset?.files ?? []);
    for (const [f, file] of [...published.files, ...further].entries()) {
      const table = await checkedFile(environment, manifest, file, report, rewritten);
      if (!table) continue;
      const { blob } = file;
      // Rows of known keys keep their IDs. Those are compared with the keys.
      if (f < published.files.length) {
        for (const column of ids) findings.push(...checkIds(table, column, row).map((text) => `${blob}: ${text}`));
      }
      findings.push(...checkReferences(environment, pipeline, entity, table, manifest, all, book, blob));
      if (unknown?.files.includes(file)) findings.push(...memberRows(entity, published, table, blob));
      row += table.rows;
    }
  }
  findings.push(...(book.findings.get(manifest.runId) ?? []));
  if (options.source === false) report.notes.push('values not compared: not asked for');
  // The values of a damaged file prove nothing.
  else if (report.unread > 0 || rewritten.goneKeys > 0)
    report.notes.push('values not compared: files of the run, or of keys, were rewritten, and are gone');
  else if (findings.length > 0) report.notes.push('values not compared: first see to what is said here');
  else await compared(environment, pipeline, manifest, book, options.states ?? new States(environment, all), report);
  return report;
}

async function compared(
  environment: Environment,
  pipeline: CompiledPipeline,
  manifest: Manifest,
  book: KeyBook,
  states: States,
  report: VerifyReport,
): Promise<void> {
  try {
    const { rows, findings, notes } = await compareWithSource(environment, pipeline, manifest, book, states);
    report.compared = rows;
    report.findings.push(...findings);
    report.notes.push(...notes);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const vanished = thrown instanceof OrdinalError && thrown.code === 'SourceChanged';
    if (vanished) report.notes.push(`values not compared: ${message}`);
    else report.findings.push(`values could not be computed from the source again: ${message}`);
  }
}

/**
 * Reads a file and compares it with the manifest. Undefined, with a finding, when it cannot be read or has other rows.
 */
async function checkedFile(
  { store }: Environment,
  { output: place }: Manifest,
  file: PublishedFile,
  report: VerifyReport,
  rewritten: RewrittenFiles,
): Promise<Table | undefined> {
  const { findings } = report;
  const { blob } = file;
  const bytes = await store.read(place.container, blob);
  if (!bytes) {
    const rewrite = rewritten.files.get(blob);
    if (rewrite) {
      report.unread++;
      report.notes.push(`${blob}: ${rewriteText(rewrite)}, and is gone: it cannot be checked`);
    } else findings.push(`${blob}: is gone`);
    return undefined;
  }
  report.files++;
  if (bytes.byteLength !== file.bytes) findings.push(`${blob}: has ${bytes.byteLength} bytes, not ${file.bytes}`);
  const crc = crcText(crcOf([bytes]));
  // What the service has copied has no checksum; its values are compared as all others are.
  if (file.crc32 !== '' && crc !== file.crc32) findings.push(`${blob}: has checksum ${crc}, not ${file.crc32}`);
  const table = readFile(bytes, blob, findings);
  if (!table) return undefined;
  report.rows += table.rows;
  if (table.rows === file.rows) return table;
  findings.push(`${blob}: has ${table.rows} rows, not ${file.rows}`);
  return undefined;
}

function readFile(bytes: Uint8Array, blob: string, findings: string[]): Table | undefined {
  try {
    parseFooter(bytes, bytes.length, blob);
    return readTable(bytes, blob);
  } catch (thrown) {
    findings.push(`${blob}: cannot be read: ${thrown instanceof Error ? thrown.message : thrown}`);
    return undefined;
  }
}

function drawnSpans({ sequences, runId }: Manifest, name: string): Span[] {
  const drawn = sequences[name];
  return drawn ? spansOf(drawn, runId) : [];
}

/** Finds ranges of this run that another run has too. */
function overlaps(manifest: Manifest, all: readonly Manifest[]): string[] {
  const found: string[] = [];
  for (const name of Object.keys(manifest.sequences)) {
    const others = all.filter(({ runId }) => runId !== manifest.runId).flatMap((other) => drawnSpans(other, name));
    for (const own of drawnSpans(manifest, name)) {
      const other = others.find((span) => span.first <= own.last && own.first <= span.last);
      if (other) found.push(`sequence ${name}: IDs ${own.first}..${own.last} overlap those of run ${other.by}`);
    }
  }
  return found;
}

/** Checks that figures which the manifest holds twice are equal. */
function sums(manifest: Manifest): string[] {
  const found: string[] = [];
  for (const [name, { count, ranges }] of Object.entries(manifest.sequences)) {
    const total = countOf(ranges.map(fromJson));
    if (total !== BigInt(count)) found.push(`sequence ${name}: ranges of ${total} IDs, not ${count}`);
  }
  for (const { entity, rows, files, ids, keys, changes } of manifest.entities) {
    const inFiles = files.reduce((sum, file) => sum + file.rows, 0);
    if (inFiles !== rows || ids.count !== rows)
      found.push(`${entity}: ${rows} rows, ${inFiles} in files, ${ids.count} IDs`);
    const fresh = keys?.partitions.reduce((sum, partition) => sum + partition.rows, 0) ?? rows;
    if (fresh !== rows) found.push(`${entity}: ${rows} rows, but ${fresh} new keys`);
    const changed = keys?.partitions.reduce((sum, partition) => sum + (partition.changes ?? 0), 0);
    if (changes && changed !== changes.rows)
      found.push(`${entity}: ${changes.rows} rows of changes, but the resolve found ${changed}`);
  }
  return found;
}

/** Checks that every source row was published or refused. Entities that take only some rows are left out. */
async function conserved({ store }: Environment, manifest: Manifest, pipeline: CompiledPipeline): Promise<string[]> {
  const found: string[] = [];
  const { source, inputs, entities, rejected, output: place } = manifest;
  const inInputs = inputs.reduce((sum, { rows }) => sum + rows, 0);
  if (inInputs !== source.rows) found.push(`${source.rows} source rows, ${inInputs} in the inputs`);
  const accepted = source.rows - (rejected?.rows ?? 0);
  for (const { entity: name, rows } of entities) {
    const entity = pipeline.entities.find((one) => one.name === name);
    if (entity?.kind !== 'rows') continue;
    const wrong = entity.where ? rows > accepted : rows !== accepted;
    if (wrong) found.push(`${name}: ${rows} rows, but ${accepted} rows were accepted`);
  }
  found.push(...routed(manifest, pipeline, accepted));
  if (rejected) {
    const bytes = await store.read(place.container, rejected.blob);
    const table = bytes && readFile(bytes, rejected.blob, found);
    if (!table) found.push(`${rejected.blob}: refused rows are gone`);
    else if (table.rows !== rejected.lines) found.push(`${rejected.blob}: ${table.rows} lines, not ${rejected.lines}`);
    const { sourceRows } = rejected;
    const rows = sourceRows === undefined ? undefined : await store.read(place.container, sourceRows);
    const kept = rows && readFile(rows, sourceRows!, found);
    if (sourceRows !== undefined && kept?.rows !== rejected.rows) {
      found.push(`${sourceRows}: ${kept?.rows ?? 'no'} refused rows, not ${rejected.rows}`);
    }
  }
  return found;
}

/** Checks that each accepted row is counted once as routed, as keys only or as unrouted, and once for each entity that has it. */
function routed({ entities, routing }: Manifest, pipeline: CompiledPipeline, accepted: number): string[] {
  if (!routing) return [];
  const inRows = (name: string) => pipeline.entities.some((one) => one.kind === 'rows' && one.name === name);
  const taken = entities.reduce((sum, { entity, rows }) => sum + (inRows(entity) ? rows : 0), 0);
  const { routed, keysOnly, unrouted, repeated } = routing;
  const found: string[] = [];
  if (routed + keysOnly + unrouted !== accepted)
    found.push(
      `${routed} rows routed, ${keysOnly} of keys only and ${unrouted} unrouted, but ${accepted} rows were accepted`,
    );
  if (routed + repeated !== taken)
    found.push(`${taken} rows of rows entities from ${routed} source rows, ${repeated} of them repeated`);
  return found;
}
