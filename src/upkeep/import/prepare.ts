/**
 * Prepares an import of keys: reads the file, compares it with itself, with the key index and with the IDs that runs have
 * given, and writes the new keys as segments and as a file. The command calls it; the activity `importKeys` then makes
 * them count. Memory holds one range of hashes, and eight bytes for each key.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { importManifestSchema } from '../../documents/imports.ts';
import { entitiesOf } from '../../documents/published-keys.ts';
import { type Environment, pipelineOf } from '../../environment/environment.ts';
import { invariant, OrdinalError } from '../../errors.ts';
import { hashKey } from '../../keys/hash-key.ts';
import { emptyHead, type IndexHead, indexBlobs, indexSchema } from '../../keys/index-documents.ts';
import { settlePending } from '../../keys/key-index.ts';
import { findIds, UNKNOWN } from '../../keys/lookup.ts';
import { SegmentUpload } from '../../keys/merge-segments.ts';
import { SegmentWriter } from '../../keys/segment.ts';
import { KeyTable } from '../../keys/table.ts';
import { typeText } from '../../parquet/type-text.ts';
import type { ColumnType } from '../../parquet/types.ts';
import { publishedIds } from '../../resolve/run-key-index.ts';
import { readJson, readVersioned, writeJson } from '../../storage/json.ts';
import { output } from '../../storage/names.ts';
import { compareIds, readGiven } from './compare-ids.ts';
import { digestOfGiven, type ImportDraft } from './draft.ts';
import { KeyFileWriter } from './key-file-writer.ts';
import { keyShown, namesOf } from './named-keys.ts';
import { type ImportColumns, type KeyFile, openKeyFile } from './read-keys.ts';
import { Spill } from './spill.ts';

/** Keys that are in memory at a time. */
const RANGE_KEYS = 200_000;
/** Open files at a time. */
const RANGES_MAX = 512;

export interface ImportRequest {
  index: string;
  /** Path of a Parquet file on this machine. */
  file: string;
  columns: ImportColumns;
  /** Ends the preparation between two ranges of keys. */
  signal?: AbortSignal;
}

export interface PreparedImport {
  importId: string;
  index: string;
  /** Keys that are new, and keys that the index has with the same ID. */
  keys: number;
  known: number;
  sequence: { name: string; start: string; step: string };
  /** The largest new ID; null when there is none. */
  last: string | null;
}

/**
 * @throws OrdinalError `InvalidRequest` for duplicates and contradictions, which it names; `InvalidValue` for a row
 *   without key or ID.
 */
export async function prepareImport(environment: Environment, request: ImportRequest): Promise<PreparedImport> {
  const { index, file: path, columns } = request;
  const [sharing] = entitiesOf(environment, index);
  invariant(sharing, 'an index has an entity');
  const { entity } = sharing;
  const keys = await openKeyFile(path, columns, entity);
  const work = new Preparation(environment, request, keys, pipelineOf(environment, sharing.pipeline), entity);
  try {
    return await work.run();
  } finally {
    work.close();
    await keys.close();
  }
}

type Pipeline = ReturnType<typeof pipelineOf>;
type Entity = ReturnType<typeof entitiesOf>[number]['entity'];

class Preparation {
  readonly #environment: Environment;
  readonly #request: ImportRequest;
  readonly #file: KeyFile;
  readonly #pipeline: Pipeline;
  readonly #entity: Entity;
  readonly #types: readonly ColumnType[];
  readonly #partitions: number;
  readonly #spill: Spill;
  /** IDs of new keys, as far as they are known. */
  readonly #ids: BigInt64Array;
  #fresh = 0;
  #known = 0;

  constructor(environment: Environment, request: ImportRequest, file: KeyFile, pipeline: Pipeline, entity: Entity) {
    this.#environment = environment;
    this.#request = request;
    this.#file = file;
    this.#pipeline = pipeline;
    this.#entity = entity;
    this.#types = file.types;
    this.#partitions = entity.partitions ?? 1;
    const perPartition = Math.ceil(file.rows / RANGE_KEYS / this.#partitions);
    const most = Math.floor(RANGES_MAX / this.#partitions);
    this.#spill = new Spill(this.#partitions * Math.max(1, Math.min(perPartition, most)));
    this.#ids = new BigInt64Array(file.rows);
  }

  close(): void {
    this.#spill.remove();
  }

  async run(): Promise<PreparedImport> {
    const { index } = this.#request;
    const importId = await this.#name();
    const sequence = this.#sequence();
    const { container } = this.#pipeline.output;
    const place = { container, name: output.importManifest(this.#pipeline, index, importId) };
    // What was published is not written again.
    const done = await readJson(this.#environment.store, place.container, place.name, importManifestSchema);
    if (done) return { importId, index, keys: 0, known: this.#file.rows, sequence, last: null };
    const { epoch, heads } = await this.#open();
    await this.#file.each((id, row, { bytes, start, end }) =>
      this.#spill.add(hashKey(bytes, start, end), id, row, bytes, start, end),
    );
    this.#spill.finish();
    const written = await this.#write(importId, epoch, heads);
    const given = await readGiven(this.#environment, sequence.name);
    const ids = this.#ids.subarray(0, this.#fresh).sort();
    await compareIds(this.#environment, { ids, index, sequence }, heads, given, (id, why) => {
      const names = namesOf(this.#spill, id, this.#types);
      throw refused(this.#request.file, `ID ${id} of ${names.join(' and ')} ${why}`);
    });
    if (!written.file) return { importId, index, keys: 0, known: this.#known, sequence, last: null };
    const { id, key } = this.#request.columns;
    const names = this.#entity.key.map(({ name }) => name);
    const draft: ImportDraft = {
      version: 1,
      epoch,
      partitions: heads.map(({ number }, p) => ({ number, delta: written.deltas[p]! })),
      given: digestOfGiven(given),
      place,
      manifest: {
        version: 1,
        kind: 'imported keys',
        importId,
        index,
        from: path.basename(this.#request.file),
        columns: { id, key: Object.fromEntries(names.map((name) => [name, key[name] ?? name])) },
        keyTypes: this.#types.map(typeText),
        sequence: sequence.name,
        keys: this.#fresh,
        known: this.#known,
        container,
        file: written.file,
      },
    };
    const { store, config } = this.#environment;
    await writeJson(store, config.workContainer, indexBlobs.importDraft(index, importId), draft);
    return { importId, index, keys: this.#fresh, known: this.#known, sequence, last: written.file.lastId };
  }

  /** The same file and the same columns are the same import. */
  async #name(): Promise<string> {
    const hash = createHash('sha256').update(JSON.stringify([this.#request.index, this.#request.columns]));
    for await (const piece of createReadStream(this.#request.file)) hash.update(piece as Buffer);
    return hash.digest('hex').slice(0, 16);
  }

  #sequence(): PreparedImport['sequence'] {
    const [id] = this.#entity.columns;
    const found = this.#pipeline.sequences.find(({ name }) => id?.kind === 'id' && id.sequence === name);
    invariant(found, 'an entity has a sequence');
    return found;
  }

  /** The index as it is. An index that was never used is made when the import counts, and not before. */
  async #open(): Promise<{ epoch: number; heads: IndexHead[] }> {
    const { store, config } = this.#environment;
    const { index } = this.#request;
    const none = Array.from({ length: this.#partitions }, () => emptyHead);
    const document = (await readVersioned(store, config.workContainer, indexBlobs.index(index), indexSchema))?.value;
    if (!document) return { epoch: 1, heads: none };
    const types = this.#types.map(typeText).join(', ');
    if (document.keyTypes.join(', ') !== types) {
      throw new OrdinalError(
        'ColumnTypeMismatch',
        `keys of index "${index}" are (${document.keyTypes.join(', ')}), and those of the file (${types})`,
        { where: { blob: this.#request.file }, remedy: 'Write the file with key columns of the types of the index.' },
      );
    }
    if (document.partitions !== this.#partitions) {
      throw new OrdinalError('PipelineChanged', `key index "${index}" has ${document.partitions} partitions`, {
        remedy: 'Rebuild the index first: npm run ordinal -- keys rebuild.',
      });
    }
    const at = { store, container: config.workContainer, document };
    const heads = await Promise.all(
      none.map((_, partition) => settlePending({ ...at, partition }, publishedIds(this.#environment, partition))),
    );
    return { epoch: document.epoch, heads };
  }

  /** Writes the new keys, range by range: by partition a segment, and all of them as one file. */
  async #write(importId: string, epoch: number, heads: readonly IndexHead[]) {
    const { store, config } = this.#environment;
    const { index } = this.#request;
    const { container } = this.#pipeline.output;
    await Promise.all([store.ensureContainer(config.workContainer), store.ensureContainer(container)]);
    const names = this.#entity.key.map(({ name }) => name);
    const blob = output.importedKeys(this.#pipeline, index, importId);
    const file = new KeyFileWriter({ store, container, blob }, this.#entity.columns[0]!.name, names, this.#types);
    const deltas: ImportDraft['partitions'][number]['delta'][] = [];
    const perPartition = this.#spill.ranges / this.#partitions;
    for (const [partition, head] of heads.entries()) {
      const delta = indexBlobs.delta(index, epoch, partition, `import-${importId}`);
      const writer = new SegmentWriter();
      const upload = new SegmentUpload({ store, container: config.workContainer }, delta);
      const before = this.#fresh;
      for (let range = partition * perPartition; range < (partition + 1) * perPartition; range++) {
        const { table, ids } = await this.#newKeys(range, head);
        for (const ordinal of table.byHash()) {
          const key = table.at(ordinal);
          writer.add(table.hashAt(ordinal), ids[ordinal]!, key, 0, key.length);
        }
        if (writer.ready) await upload.add(writer);
        await file.add(table, ids);
        this.#ids.set(ids, this.#fresh);
        this.#fresh += ids.length;
      }
      const place = writer.finish();
      if (this.#fresh > before) await upload.finish(writer);
      deltas.push(this.#fresh > before ? { blob: delta, ...place } : null);
    }
    const keyValues = { 'ordinal.import': importId, 'ordinal.index': index };
    return { deltas, file: this.#fresh > 0 ? await file.finish(keyValues) : undefined };
  }

  /** The keys of a range that the index does not have. */
  async #newKeys(range: number, head: IndexHead): Promise<{ table: KeyTable; ids: BigInt64Array }> {
    this.#request.signal?.throwIfAborted();
    const { store, config } = this.#environment;
    const spilled = this.#spill.read(range);
    if ('key' in spilled) {
      const key = keyShown(spilled.key, this.#types);
      throw refused(this.#request.file, `key ${key} is in rows ${spilled.rows[0]} and ${spilled.rows[1]}`);
    }
    const { table, ids, rows } = spilled;
    const found = await findIds(store, config.workContainer, head.entries, table);
    const fresh = [...found.keys()].filter((ordinal) => found[ordinal] === UNKNOWN);
    this.#known += table.size - fresh.length;
    if (fresh.length === table.size) return { table, ids };
    const wrong = found.findIndex((id, ordinal) => id !== UNKNOWN && id !== ids[ordinal]);
    if (wrong >= 0) {
      const key = keyShown(table.at(wrong), this.#types);
      const told = `key ${key} of row ${rows[wrong]} has ID ${ids[wrong]} here, and ID ${found[wrong]} in the index`;
      throw refused(this.#request.file, told);
    }
    const some = new KeyTable(fresh.length);
    for (const ordinal of fresh) some.internFrom(table, ordinal);
    return { table: some, ids: BigInt64Array.from(fresh, (ordinal) => ids[ordinal]!) };
  }
}

function refused(file: string, message: string): OrdinalError {
  return new OrdinalError('InvalidRequest', `nothing was imported: ${message}`, {
    where: { blob: file },
    remedy: 'Correct the file, and run the command again.',
  });
}
