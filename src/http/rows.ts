/**
 * `GET /api/runs/{runId}/rows`: the first rows of a file that a run has published, or of the rows that it refused.
 * `routes.ts` lists it. Which files a run may be asked for, its manifest says; nothing else can be read by it.
 */
import { z } from 'zod';
import { lifeInputSchema } from '../documents/documents.ts';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import { pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { firstRows } from '../view/first-rows.ts';
import { json, parseQuery, wrongField } from './problem.ts';
import type { Handler } from './request-context.ts';
import { runOf } from './runs.ts';

/** Rows that a look shows at most. */
const ROWS_MAX = 100;

export const rowsQuerySchema = z.looseObject({
  entity: z.string().max(100).optional().describe('Left out for the rows that the run refused.'),
  input: z.coerce.number().int().min(0).optional().describe('Number of a source blob that the run read, instead.'),
  dataset: z
    .enum(['new', 'known', 'changes', 'unknown'])
    .default('new')
    .describe('Of a keyed entity: rows of new keys, of known keys, of changes, or of unknown members.'),
  file: z.coerce.number().int().min(0).default(0).describe('Number of the file, counted from 0.'),
  limit: z.coerce.number().int().min(1).max(ROWS_MAX).default(ROWS_MAX),
});
type Query = z.infer<typeof rowsQuerySchema>;

export const getRows: Handler = async (door, request) => {
  const query = parseQuery(rowsQuerySchema, request);
  const { store } = door.environment;
  const { runId, pipeline: name } = lifeInputSchema.parse((await runOf(door, request)).input);
  const pipeline = pipelineOf(door.environment, name);
  const { container } = pipeline.output;
  const manifest = await readJson(store, container, output.manifest(pipeline, runId), manifestSchema);
  if (manifest?.outcome !== 'published') {
    throw wrongField('runId', 'is of a run that has published nothing', 'Ask again when the run is Completed.');
  }
  const place =
    query.input === undefined ? { container, blob: blobOf(manifest, query) } : inputOf(manifest, query.input);
  const rows = await firstRows(store, place.container, place.blob, query.limit);
  if (rows) return json(200, rows);
  throw new OrdinalError('UnknownRun', `a file that run "${runId}" read or published is gone`, {
    where: { field: 'file' },
    remedy: 'See who removed it. The command verify says what of the published data is there.',
  });
};

/** @throws RequestError when the run read fewer blobs. */
function inputOf({ source, inputs }: Manifest, number: number): { container: string; blob: string } {
  const input = inputs[number];
  if (input) return { container: source.container, blob: input.blob };
  throw wrongField('input', `${number} is not one of its ${inputs.length} source blobs`, 'Count blobs from 0.');
}

/** @throws RequestError when the manifest names no such file. */
function blobOf({ entities, rejected }: Manifest, { entity: name, dataset, file }: Query): string {
  if (name === undefined) {
    if (rejected) return rejected.blob;
    throw wrongField('entity', 'is left out, and no row was refused', 'Name an entity.');
  }
  const entity = entities.find((one) => one.entity === name);
  if (!entity) {
    const names = entities.map((one) => one.entity);
    throw wrongField('entity', `"${name}" is no entity of the run`, didYouMean(name, names));
  }
  const files = dataset === 'new' ? entity.files : (entity[dataset]?.files ?? []);
  const wanted = files[file];
  if (wanted) return wanted.blob;
  const remedy = 'Count files from 0; a dataset without rows has none.';
  throw wrongField('file', `${file} is not one of its ${files.length} files`, remedy);
}
