/**
 * Manifests of imported keys: keys that an older system numbered, with the IDs that it gave. An import counts from its
 * manifest on, as a run does, and is never taken back. The import writes them; the key index's rebuild, the sequence's
 * rebuild and the verifier read them. They stand beside the datasets of one pipeline that has the index.
 */
import { z } from 'zod';
import type { Environment } from '../environment/environment.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { publishedFileSchema } from './manifest.ts';

const count = z.int().nonnegative();

export const importManifestSchema = z.object({
  version: z.literal(1),
  kind: z.literal('imported keys'),
  /** A digest of the file and of what was asked: the same import has the same name. */
  importId: z.string(),
  index: z.string(),
  importedAt: z.string(),
  /** Grant of the index's lease: runs and imports of one index came in the order of their grants. */
  term: count,
  /** What the keys came from, as it was named, and which of its columns they were. */
  from: z.string(),
  columns: z.object({ id: z.string(), key: z.record(z.string(), z.string()) }),
  keyTypes: z.array(z.string()),
  sequence: z.string(),
  /** Keys that the import added. */
  keys: count,
  /** Keys that the index had already, with the same ID: their rows are not in the import's file. */
  known: count.default(0),
  container: z.string(),
  /** The keys with their IDs, in no order. */
  file: publishedFileSchema,
});
export type ImportManifest = z.infer<typeof importManifestSchema>;

/** The imports of all indexes, or of one, in the order of their grants. */
export async function publishedImports({ store, pipelines }: Environment, index?: string): Promise<ImportManifest[]> {
  const found: ImportManifest[] = [];
  for (const pipeline of pipelines.values()) found.push(...(await importsBeside({ store }, pipeline)));
  return found.filter((one) => index === undefined || one.index === index).sort((a, b) => a.term - b.term);
}

/** The imports whose files lie beside the datasets of a pipeline, of all indexes that it has. */
export async function importsBeside(
  { store }: Pick<Environment, 'store'>,
  pipeline: CompiledPipeline,
): Promise<ImportManifest[]> {
  if (!pipeline.entities.some(({ kind }) => kind === 'keyed')) return [];
  const found: ImportManifest[] = [];
  const { container } = pipeline.output;
  for await (const { name } of store.list(container, output.importPrefix(pipeline))) {
    if (!name.endsWith('.json')) continue;
    const manifest = await readJson(store, container, name, importManifestSchema);
    if (manifest) found.push(manifest);
  }
  return found;
}
