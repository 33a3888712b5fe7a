/**
 * The key index at size: how long resolving takes, how much of the index it reads, and how much memory it needs, when
 * 10 million keys are known and two million arrive. The resolve activity itself runs, in a process of its own.
 *
 *   node bench/keys.ts [--known 10000000] [--arriving 2000000] [--json FILE]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { packBatch } from '../src/documents/batch-blob.ts';
import type { Plan } from '../src/documents/documents.ts';
import { parseConfig } from '../src/environment/config.ts';
import type { Environment } from '../src/environment/environment.ts';
import { compact } from '../src/keys/compact.ts';
import { indexBlobs } from '../src/keys/index-documents.ts';
import { type IndexPartition, openIndex, readHead, settlePending, withPending } from '../src/keys/key-index.ts';
import { segmentOf } from '../src/keys/segment.ts';
import { KeyTable } from '../src/keys/table.ts';
import { typeText } from '../src/parquet/type-text.ts';
import type { ColumnType, Values } from '../src/parquet/types.ts';
import { pipeline, registerPipelines } from '../src/pipeline/index.ts';
import { resolveKeys } from '../src/resolve/activity.ts';
import { writeKeyList } from '../src/split/keys/key-list-file.ts';
import { writeJson } from '../src/storage/json.ts';
import { work } from '../src/storage/names.ts';
import { FileStore } from './file-store.ts';

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const keysPerRun = 1_000_000;
const keysPerBatch = 250_000;
const container = 'ordinal';

const people = pipeline({
  name: 'people',
  source: { container: 'landing', prefix: 'people/' },
  row: z.object({ email: z.string() }),
  entities: ({ id }) => ({ people: { kind: 'keyed', id: id('person_id'), key: { email: 'email' } } }),
});

function environmentOf(folder: string): Environment & { store: FileStore } {
  const config = parseConfig({ AzureWebJobsStorage: 'none' });
  return { store: new FileStore(folder), config, pipelines: registerPipelines([people]) };
}

const keyOf = (n: number) => `person.${String(n).padStart(9, '0')}@example.com`;

async function openPeople(store: FileStore): Promise<IndexPartition> {
  const place = { store, container };
  const document = await openIndex(place, 'people.people', { partitions: 1, keyTypes: [typeText(text)] });
  return { ...place, document, partition: 0 };
}

/** An index of `known` keys, as runs of a million new ones each would have left it. */
async function prepare(folder: string, known: number): Promise<void> {
  const { store } = environmentOf(folder);
  for (const name of [container, 'published', 'landing']) await store.ensureContainer(name);
  const at = await openPeople(store);
  for (let from = 0, run = 0; from < known; from += keysPerRun, run++) {
    const count = Math.min(keysPerRun, known - from);
    const table = new KeyTable(count);
    for (let i = 0; i < count; i++) table.intern(Buffer.from(keyOf(from + i)));
    const blob = indexBlobs.delta('people.people', 1, 0, `run${run}`);
    const { bytes, place } = segmentOf(table);
    await store.write(container, blob, bytes);
    const delta = { blob, ...place };
    const pending = { runId: `run${run}`, life: 1, entity: 'people', manifest: { container: '', name: '' }, delta };
    await settlePending(
      at,
      async () => undefined,
      (head) => withPending(head, run, pending),
    );
    const ids = { step: '1', ranges: [{ first: String(from + 1), count: String(count) }] };
    await settlePending(at, async () => ids);
    await compact(at);
  }
}

/** A run of `arriving` distinct keys, half of them known, spread over the index. */
async function arrive(folder: string, known: number, arriving: number, runId: string): Promise<void> {
  const { store, pipelines } = environmentOf(folder);
  const stride = Math.max(1, Math.floor((2 * known) / arriving));
  const keys = Array.from({ length: arriving }, (_, i) => keyOf(i % 2 === 0 ? ((i / 2) * stride) % known : known + i));
  const batches: Plan['batches'] = [];
  for (let from = 0; from < arriving; from += keysPerBatch) {
    const rows = Math.min(keysPerBatch, arriving - from);
    const values = bytesOf(keys.slice(from, from + rows));
    const list = writeKeyList([{ name: 'key_0', type: text, values, valid: undefined }], rows);
    const record = { batch: batches.length, rows, fragments: {}, keys: { people: rows } };
    const { bytes, metadata } = packBatch({}, pipelines.get('people')!, {
      record,
      sections: [],
      keyLists: new Map([['people', list]]),
      rejected: undefined,
      rejectedRows: undefined,
    });
    await store.write(container, work.split({ runId, life: 1 }, batches.length), bytes, { metadata });
    batches.push({ file: 0, files: 1, from: 0, to: 1, rows, firstRow: from, units: 1 });
  }
  const plan: Plan = {
    version: 1,
    runId,
    life: 1,
    pipeline: 'people',
    pipelineHash: pipelines.get('people')!.hash,
    rows: arriving,
    // The resolve asks for no source file.
    files: { count: 1, digest: '0'.repeat(16), each: 1 },
    batches,
    unitRows: keysPerBatch,
    outputs: {
      people: [
        { name: 'person_id', type: { physical: 'INT64' }, optional: false },
        { name: 'email', type: text, optional: false },
      ],
    },
    keyTypes: { people: [text] },
    parts: [{ from: 0, to: batches.length }],
    sealGroups: [],
    codec: 'ZSTD',
    sources: { email: text },
  };
  await writeJson(store, container, work.plan(plan), plan);
}

function bytesOf(texts: readonly string[]): Values {
  const offsets = new Uint32Array(texts.length + 1);
  const data = new Uint8Array(Buffer.from(texts.join('')));
  for (let i = 0; i < texts.length; i++) offsets[i + 1] = offsets[i]! + texts[i]!.length;
  return { kind: 'bytes', length: texts.length, data, offsets };
}

interface Measured {
  arriving: number;
  seconds: number;
  /** User and system seconds of all threads. */
  cpuSeconds: number;
  /** Peak of the whole process, Node included. */
  memoryMiB: number;
  readMiB: number;
  requests: number;
  newRows: number;
}

/** In its own process: the resolve activity, and what it took. */
async function resolve(folder: string, runId: string, arriving: number): Promise<Measured> {
  const environment = environmentOf(folder);
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const result = await resolveKeys.run(environment, { runId, entity: 'people', term: 1000 });
  if (!result.ok) throw new Error(result.error.message);
  const { user, system } = process.cpuUsage(cpu);
  const { counters } = environment.store;
  return {
    arriving,
    seconds: Number(process.hrtime.bigint() - began) / 1e9,
    cpuSeconds: (user + system) / 1e6,
    memoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    readMiB: Math.round(counters.bytesRead / 2 ** 20),
    requests: counters.requests,
    newRows: result.value.newRows,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      known: { type: 'string', default: '10000000' },
      arriving: { type: 'string', default: '2000000' },
      json: { type: 'string' },
      resolve: { type: 'string' },
      folder: { type: 'string', default: '' },
    },
  });
  const [known, arriving] = [Number(values.known), Number(values.arriving)];
  if (values.resolve) {
    console.log(JSON.stringify(await resolve(values.folder, values.resolve, arriving)));
    return;
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-keys-'));
  try {
    const began = process.hrtime.bigint();
    await prepare(folder, known);
    const head = (await readHead(await openPeople(environmentOf(folder).store)))!.value;
    const indexMiB = Math.round(head.entries.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20);
    const built = Number(process.hrtime.bigint() - began) / 1e9;
    console.log(
      `index: ${known} keys, ${indexMiB} MiB in ${head.entries.length} segments, built in ${built.toFixed(1)} s`,
    );
    const measured: Measured[] = [];
    for (const count of [...new Set([1_000, 100_000, 1_000_000, arriving])]) {
      await arrive(folder, known, count, `r${count}`);
      const args = [
        fileURLToPath(import.meta.url),
        '--folder',
        folder,
        '--resolve',
        `r${count}`,
        '--arriving',
        String(count),
      ];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const one = JSON.parse(stdout) as Measured;
      measured.push(one);
      const { seconds, cpuSeconds, memoryMiB, readMiB, requests, newRows } = one;
      console.log(
        `${count} arriving, ${newRows} new: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of CPU, ${memoryMiB} MiB of memory, ${readMiB} MiB read in ${requests} requests`,
      );
    }
    if (values.json) await writeFile(values.json, `${JSON.stringify({ known, indexMiB, measured }, null, 2)}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
