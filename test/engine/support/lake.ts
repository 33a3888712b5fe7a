/**
 * Source files that DuckDB writes into folders, run through a pipeline, and what was published read by DuckDB beside the
 * source itself. `verify` has its say after each run.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { previewDocumentSchema } from '../../../src/documents/documents.ts';
import { publishedManifests } from '../../../src/documents/manifests.ts';
import type { OrdinalError } from '../../../src/errors.ts';
import type { CompiledPipeline } from '../../../src/pipeline/compiled.ts';
import { previewRun } from '../../../src/plan/preview-activity.ts';
import { requireJson } from '../../../src/storage/json.ts';
import { work } from '../../../src/storage/names.ts';
import { readKeyBook, States, verifyRun } from '../../../src/verify/verify.ts';
import { checkFooter } from '../../support/footer-oracle.ts';
import { type DriveOptions, Engine } from './drive.ts';
import type { DuckReader } from './reader.ts';

/** A lake of source files, and the engine that runs a pipeline over it. */
export class Lake {
  readonly duck: DuckReader;
  readonly engine: Engine;
  readonly #root: string;

  constructor(duck: DuckReader, pipeline: CompiledPipeline, options: DriveOptions = {}) {
    this.duck = duck;
    this.engine = new Engine(pipeline, options);
    this.#root = fs.mkdtempSync(path.join(duck.directory, 'lake-'));
  }

  /** The result of a query as a source blob, written by DuckDB. */
  async put(blob: string, query: string, options = 'CODEC snappy'): Promise<void> {
    await this.upload(blob, await this.duck.write(query, options));
  }

  async upload(blob: string, bytes: Uint8Array): Promise<void> {
    const file = path.join(this.#root, blob);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, bytes);
    await this.engine.upload(blob, bytes);
  }

  /** The source as DuckDB reads it, in the order of blobs and rows: for FROM. */
  source(glob = 'in/**/*.parquet'): string {
    return `read_parquet('${this.#root}/${glob}', filename = true, file_row_number = true)`;
  }

  /** Name of a blob from DuckDB's `filename`: SQL. */
  get blobOf(): string {
    return `substr(filename, ${this.#root.length + 2})`;
  }

  /** Runs the pipeline, and `verify` after it. */
  async run(runId = 'r'): Promise<void> {
    await this.engine.run(runId);
    const { environment } = this.engine;
    const all = await publishedManifests(environment);
    const states = new States(environment, all);
    for (const manifest of all) {
      const { findings, compared } = await verifyRun(environment, manifest, all, await readKeyBook(environment, all), {
        states,
      });
      assert.deepEqual([findings, compared], [[], manifest.source.rows], 'verify');
    }
    for (const { name } of this.engine.pipeline.entities)
      for (const file of this.engine.published(name)) await checkFooter(file.bytes, file.name);
  }

  /** Rows of an entity as DuckDB reads them: SQL over `published`. */
  async published(entity: string, sql = 'SELECT * FROM published'): Promise<unknown[][]> {
    const files = this.engine.published(entity).map(({ bytes }) => `'${this.duck.put(bytes)}'`);
    const from = `(SELECT * FROM read_parquet([${files.join(', ')}]))`;
    return this.rows(sql.replace('published', from));
  }

  async rows(sql: string): Promise<unknown[][]> {
    const result = await this.duck.connection.runAndReadAll(sql);
    return result.getRowsJson() as unknown[][];
  }

  /** What a dry run shows. */
  async preview(runId = 'dry') {
    await this.engine.plan(runId);
    await this.engine.activity(previewRun, { runId });
    return (await requireJson(this.engine.store, 'work', work.preview({ runId, life: 1 }), previewDocumentSchema))
      .preview;
  }

  /** The error that a run ends with. */
  async refusal(runId = 'r'): Promise<OrdinalError> {
    return this.engine.run(runId).then(
      () => assert.fail('it went through'),
      (thrown: OrdinalError) => thrown,
    );
  }
}
