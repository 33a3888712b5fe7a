/**
 * `tryPipeline`: runs a pipeline in memory, with the real phases and without a service, and gives back what it publishes.
 * Unit tests and the command `ordinal try` call it. Nothing of it may reach a disk or a network, but the files it is given.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import { rowFilesOf } from '../documents/manifests.ts';
import { mergeSettings, type OrdinalSettings } from '../environment/app-settings.ts';
import { parseConfig } from '../environment/config.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import type { PipelineDefinition } from '../pipeline/definition.ts';
import { registerPipelines } from '../pipeline/registry.ts';
import { activities } from '../registration/activity-list.ts';
import { requireBytes, requireJson } from '../storage/json.ts';
import { InProcess } from './in-process.ts';
import { MemoryStore } from './memory-store.ts';
import { fileOfRows, type Row, rowsOfFile } from './rows.ts';

/** What a pipeline is tried over: rows, the bytes of a Parquet file, or the path of a file or of a folder of files. */
export type TrySource = readonly Row[] | Uint8Array | string;

/** How a pipeline is tried. */
export interface TryOptions {
  /** Settings by name, as an app has them: `{ ORDINAL_BATCH_ROWS: 1 }`. @default none */
  settings?: OrdinalSettings;
  /** Rows of each entity, and refused rows, that are read back: for sources too large to hold as objects. @default all */
  rowsMax?: number;
}

/** What a run in memory has published. */
export interface Tried {
  /** Rows by entity, in the order of their IDs: what this run added. INT64 columns, IDs among them, are bigints. */
  readonly entities: Readonly<Record<string, readonly Row[]>>;
  /** Source rows that the contract refused, one for each reason: file, row, column, reason. Empty where there are none. */
  readonly rejected: readonly Row[];
  /** The published files, by blob name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What the run says of itself, as in Blob Storage. */
  readonly manifest: Manifest;
  /**
   * The next run, over further rows, with the keys and the IDs that this one left.
   * @param source what it reads
   * @returns what it has published
   * @throws OrdinalError what the run failed with
   */
  next(source: TrySource): Promise<Tried>;
}

/**
 * Runs a pipeline in memory: no service, no file but those that are given. Phases, checks and errors are those of the app.
 * @param pipeline what the pipeline's module exports
 * @param source rows as objects (a member that is missing is null), the bytes of a Parquet file, or the path of a file or
 *   of a folder
 * @param options settings of the app
 * @returns what the run has published
 * @throws OrdinalError `InvalidPipeline` for a pipeline that is wrong, and whatever the run fails with
 * @example
 * const day1 = await tryPipeline(tickets, [{ email: 'Ann@example.com', sold_at: new Date(0), price: 5 }]);
 * console.log(day1.entities.customers); // [{ customer_id: 1n, email: 'ann@example.com', ... }]
 * const day2 = await day1.next([{ email: 'ann@example.com', sold_at: new Date(1), price: 7 }]);
 * console.log(day2.entities.customers); // []: she is known already
 */
export async function tryPipeline(
  pipeline: PipelineDefinition,
  source: TrySource,
  options: TryOptions = {},
): Promise<Tried> {
  const compiled = [...registerPipelines([pipeline]).values()][0]!;
  return await tryCompiled(compiled, source, options);
}

/** As `tryPipeline`, for a pipeline of a registry. */
export async function tryCompiled(
  pipeline: CompiledPipeline,
  source: TrySource,
  options: TryOptions = {},
): Promise<Tried> {
  return await new Trial(pipeline, options).run(source);
}

/** Folders of a path that may be columns, as in `day=2026-11-29`: one day of a feed has its day in its own path. */
function partitionsIn(folder: string): string[] {
  return path
    .resolve(folder)
    .split(path.sep)
    .filter((part) => part.indexOf('=') > 0);
}

/** Rows with every column of their entity: files for a table lack those in which no run has had a value. */
function withAllColumns({ entities }: CompiledPipeline, name: string, rows: Row[]): Row[] {
  const names = entities.find((entity) => entity.name === name)?.columns.map((column) => column.name) ?? [];
  const isWhole = rows.every((row) => names.every((column) => column in row));
  return isWhole ? rows : rows.map((row) => Object.fromEntries(names.map((column) => [column, row[column] ?? null])));
}

/** A store, sequences and leases that live as long as the trial. */
class Trial {
  readonly #pipeline: CompiledPipeline;
  readonly #store = new MemoryStore();
  readonly #environment: Environment;
  readonly #host: InProcess;
  readonly #rowsMax: number;
  #runs = 0;

  constructor(pipeline: CompiledPipeline, { settings = {}, rowsMax = Number.POSITIVE_INFINITY }: TryOptions) {
    this.#pipeline = pipeline;
    this.#rowsMax = rowsMax;
    // A storage account has to be named; nothing is asked of it.
    const config = parseConfig(mergeSettings(settings, { AzureWebJobsStorage: 'UseDevelopmentStorage=true' }));
    this.#environment = { store: this.#store, config, pipelines: new Map([[pipeline.name, pipeline]]) };
    this.#host = new InProcess({ activity: (name, input) => this.#activity(name, input) });
  }

  async run(source: TrySource): Promise<Tried> {
    const { container, prefix } = this.#pipeline.source;
    const runId = `try-${++this.#runs}`;
    const folder = `${prefix}${runId}/`;
    await this.#store.ensureContainer(container);
    for (const { name, bytes } of await this.#filesOf(source)) {
      await this.#store.write(container, `${folder}${name}`, bytes);
    }
    const { manifest: name } = await this.#host.run(this.#pipeline.name, folder, runId);
    invariant(name !== undefined, 'a run that has ended has a manifest');
    return await this.#published(name);
  }

  /** The files of a source, by the names that they get below the run's folder. */
  async #filesOf(source: TrySource): Promise<{ name: string; bytes: Uint8Array }[]> {
    const { suffix } = this.#pipeline.source;
    if (source instanceof Uint8Array) return [{ name: `file${suffix}`, bytes: source }];
    if (typeof source !== 'string') return [{ name: `rows${suffix}`, bytes: fileOfRows(this.#pipeline, source) }];
    const found = await stat(source).catch(() => undefined);
    if (found === undefined) {
      throw new OrdinalError('SourceEmpty', `there is no file or folder "${source}"`, {
        remedy: 'Give the path of a Parquet file, or of a folder that holds some.',
      });
    }
    const isFolder = found.isDirectory();
    const names = isFolder
      ? (await readdir(source, { recursive: true })).filter((each) => each.endsWith(suffix))
      : [''];
    const own = partitionsIn(isFolder ? source : path.dirname(source));
    return await Promise.all(
      names.sort().map(async (name) => ({
        name: [...own, ...(isFolder ? name.split(path.sep) : [path.basename(source)])].join('/'),
        bytes: await readFile(path.join(source, name)),
      })),
    );
  }

  /** Every value crosses as JSON text, as it does on a host. */
  async #activity(name: string, input: unknown): Promise<unknown> {
    const found = activities.find((each) => each.name === name);
    invariant(found, `activity ${name} needs no client`);
    return JSON.parse(JSON.stringify(await found.run(this.#environment, JSON.parse(JSON.stringify(input)))));
  }

  async #published(name: string): Promise<Tried> {
    const { container } = this.#pipeline.output;
    const manifest = await requireJson(this.#store, container, name, manifestSchema);
    const files = new Map<string, Uint8Array>();
    const rowsOf = async (blob: string, rowsMax: number): Promise<Row[]> => {
      const bytes = await requireBytes(this.#store, container, blob);
      files.set(blob, bytes);
      return rowsMax > 0 ? rowsOfFile(bytes, blob, rowsMax) : [];
    };
    const entities: Record<string, Row[]> = {};
    for (const one of manifest.entities) {
      let rows: Row[] = [];
      // A file without rows is not written.
      for (const file of rowFilesOf(one).filter((written) => written.rows > 0)) {
        rows = rows.concat(await rowsOf(file.blob, this.#rowsMax - rows.length));
      }
      entities[one.entity] = withAllColumns(this.#pipeline, one.entity, rows);
    }
    const rejected = manifest.rejected === undefined ? [] : await rowsOf(manifest.rejected.blob, this.#rowsMax);
    return { entities, rejected, files, manifest, next: (source) => this.run(source) };
  }
}
