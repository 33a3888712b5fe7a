/**
 * What keys are rebuilt from, where other engines have rewritten an entity's table: the files that manifests name, while
 * all of them are there; else the files that are in the table now. The rebuilds of key indexes call it.
 */
import type { Manifest, PublishedFile } from '../documents/manifest.ts';
import { rowFilesOf } from '../documents/manifests.ts';
import { tablePlace } from '../documents/table-place.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { readFooter } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { delta } from '../table-format/delta.ts';

type Dataset = 'rows' | 'changes';
type PublishedEntity = Manifest['entities'][number];

/**
 * The manifests as a rebuild reads them: files that are gone are replaced by those of the table, in the first manifest.
 *
 * @throws OrdinalError `StorageFailed` when files are gone and the table has another number of rows than they had.
 */
export async function withRewrittenFiles(
  environment: Environment,
  manifests: readonly Manifest[],
): Promise<Manifest[]> {
  let now = [...manifests];
  for (const pipeline of environment.pipelines.values()) {
    for (const { name, kind } of pipeline.output.table ? pipeline.entities : []) {
      if (kind !== 'keyed') continue;
      for (const dataset of ['rows', 'changes'] as const)
        now = await replaced(environment, pipeline, name, dataset, now);
    }
  }
  return now;
}

function filesOf(entity: PublishedEntity | undefined, dataset: Dataset): readonly PublishedFile[] {
  if (dataset === 'rows') return entity ? rowFilesOf(entity) : [];
  return entity?.changes?.files ?? [];
}

async function replaced(
  environment: Environment,
  pipeline: CompiledPipeline,
  name: string,
  dataset: Dataset,
  manifests: Manifest[],
): Promise<Manifest[]> {
  const { store, config } = environment;
  const { container } = pipeline.output;
  const entityOf = (manifest: Manifest) =>
    manifest.pipeline === pipeline.name ? manifest.entities.find(({ entity }) => entity === name) : undefined;
  const files = manifests.flatMap((manifest) => filesOf(entityOf(manifest), dataset));
  const there = await mapBounded(files, config.requestsInFlight, async ({ blob }) => await store.head(container, blob));
  const gone = files.find((_, i) => !there[i]);
  if (!gone) return manifests;
  const stand = await tableFiles(environment, pipeline, name, dataset);
  const rows = (list: readonly { rows: number }[]) => list.reduce((sum, file) => sum + file.rows, 0);
  if (rows(stand) !== rows(files)) {
    const folder = tablePlace(environment, pipeline, name, dataset).folder;
    throw new OrdinalError(
      'StorageFailed',
      `"${gone.blob}" is gone, and table "${folder}" has ${rows(stand)} rows, not ${rows(files)}: keys would be lost`,
      { where: { blob: gone.blob }, remedy: 'Restore the file, or the table to a version that has all rows.' },
    );
  }
  let placed = false;
  return manifests.map((manifest) => {
    const entity = entityOf(manifest);
    if (!entity) return manifest;
    const own = placed ? [] : stand;
    placed = true;
    const changed: PublishedEntity =
      dataset === 'rows' ? { ...entity, files: own } : { ...entity, changes: { ...entity.changes!, files: own } };
    return { ...manifest, entities: manifest.entities.map((one) => (one === entity ? changed : one)) };
  });
}

/** The files that are in a table now. */
async function tableFiles(
  environment: Environment,
  pipeline: CompiledPipeline,
  name: string,
  dataset: Dataset,
): Promise<PublishedFile[]> {
  const { store, config } = environment;
  const place = tablePlace(environment, pipeline, name, dataset);
  const { files } = await delta.begin(place);
  return await mapBounded([...files].sort(), config.requestsInFlight, async (file): Promise<PublishedFile> => {
    const blob = `${place.folder}/${file}`;
    const there = await store.head(place.container, blob);
    if (!there) throw new OrdinalError('StorageFailed', `"${blob}" is in the table, and is gone`, { where: { blob } });
    const { rows } = await readFooter(store, place.container, { blob, etag: there.etag, size: there.size });
    return { blob, rows, bytes: there.size, crc32: '', firstId: null, lastId: null };
  });
}
