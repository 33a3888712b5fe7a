/**
 * Writes what tells readers what is current: by entity a statement for each engine (`_current/`), and a pointer to the
 * newest manifest (`_latest.json`). The activity `updateTables` calls it after each publication. Nothing depends on these
 * blobs: when one is lost or late, the next publication writes it again.
 */
import { z } from 'zod';
import type { Environment } from '../environment/environment.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { endpointOf } from '../storage/connection.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson, writeJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { currentRows, type PublishedPipeline, runsInOrder } from './current-rows.ts';
import { publishedRuns, publishedRunsSchema } from './published-runs.ts';
import { currentRowsSql } from './sql.ts';
import { addressesAt, engines } from './sql-dialects.ts';

/** `_latest.json`: the newest run's manifest. */
export const latestSchema = z.object({
  version: z.literal(1),
  pipeline: z.string(),
  runId: z.string(),
  life: z.int(),
  finishedAt: z.string(),
  manifest: z.string(),
});
type Latest = z.infer<typeof latestSchema>;

/** Rounds of writing, each after another run had published meanwhile. */
const ROUNDS = 5;

/** The pipelines whose entities share a key index with one of a pipeline; the pipeline itself comes first. */
export function sharersOf({ pipelines }: Pick<Environment, 'pipelines'>, pipeline: CompiledPipeline) {
  const indexesOf = ({ entities }: CompiledPipeline) =>
    entities.flatMap((entity) => (entity.kind === 'keyed' ? [entity.index] : []));
  const own = new Set(indexesOf(pipeline));
  const others = [...pipelines.values()].filter(
    (other) => other.name !== pipeline.name && indexesOf(other).some((index) => own.has(index)),
  );
  return [pipeline, ...others];
}

/** A pipeline and those that share a key index with it, each with what it has published. */
export async function readSharers(
  environment: Environment,
  pipeline: CompiledPipeline,
  options: { write: boolean },
): Promise<PublishedPipeline[]> {
  return await mapBounded(
    sharersOf(environment, pipeline),
    environment.config.requestsInFlight,
    async (one): Promise<PublishedPipeline> => ({
      pipeline: one,
      published: await publishedRuns(environment, one, options),
    }),
  );
}

/**
 * Writes the views of a pipeline, and those of other pipelines that show its rows.
 *
 * @returns the number of blobs written.
 */
export async function writeViews(environment: Environment, pipeline: CompiledPipeline): Promise<number> {
  let blobs = 0;
  for (let round = 1; ; round++) {
    const sharing = await readSharers(environment, pipeline, { write: true });
    const [own, ...others] = sharing;
    blobs += await writeViewsOf(environment, own!, sharing, () => true);
    // A pipeline that has published nothing has no views, and maybe no container.
    for (const other of others.filter(({ published }) => Object.keys(published.runs).length > 0)) {
      const shown = sharersOf(environment, other.pipeline);
      const known = [other, ...sharing.filter((one) => one !== other && shown.includes(one.pipeline))];
      // It may share further indexes with pipelines that this one knows nothing of.
      const all = await Promise.all(
        shown.map(async (one): Promise<PublishedPipeline> => {
          const there = known.find((each) => each.pipeline.name === one.name);
          return there ?? { pipeline: one, published: await publishedRuns(environment, one, { write: true }) };
        }),
      );
      const index = (name: string) => indexOf(other.pipeline, name);
      const mine = new Set(pipeline.entities.flatMap((one) => (one.kind === 'keyed' ? [one.index] : [])));
      blobs += await writeViewsOf(environment, other, all, (name) => mine.has(index(name) ?? ''));
    }
    // Whoever published meanwhile may have written before this one did: then what this one wrote is old.
    if (round >= ROUNDS || !(await anyNewer(environment, sharing))) return blobs;
  }
}

function indexOf({ entities }: CompiledPipeline, name: string): string | undefined {
  const entity = entities.find((one) => one.name === name);
  return entity?.kind === 'keyed' ? entity.index : undefined;
}

async function writeViewsOf(
  { store, config }: Environment,
  { pipeline, published }: PublishedPipeline,
  sharing: readonly PublishedPipeline[],
  wanted: (entity: string) => boolean,
): Promise<number> {
  const { container } = pipeline.output;
  const endpoint = endpointOf(config.storage);
  const writes: (() => Promise<unknown>)[] = [];
  for (const { name } of pipeline.entities.filter((entity) => wanted(entity.name))) {
    const rows = currentRows(sharing, name);
    const options = { contentType: 'application/sql', metadata: { made: madeFrom(sharing, name) } };
    for (const engine of engines) {
      const sql = new TextEncoder().encode(currentRowsSql(engine, rows, addressesAt(engine, endpoint)));
      writes.push(() => store.write(container, output.current(pipeline, name, engine), sql, options));
    }
  }
  const latest = latestOf(pipeline, published);
  const pointer = output.latest(pipeline);
  writes.push(() => (latest ? writeJson(store, container, pointer, latest) : store.remove(container, pointer)));
  await mapBounded(writes, config.requestsInFlight, (write) => write());
  return writes.length;
}

/** The newest run of a pipeline; undefined when none has published. */
function latestOf(pipeline: CompiledPipeline, published: PublishedPipeline['published']): Latest | undefined {
  const newest = runsInOrder([{ pipeline, published }]).at(-1);
  if (!newest) return undefined;
  const { runId, life, finishedAt } = newest;
  return { version: 1, pipeline: pipeline.name, runId, life, finishedAt, manifest: output.manifest(pipeline, runId) };
}

/** What an entity's view is made from: the state of each pipeline that it shows. The first is the entity's own. */
function madeFrom(sharing: readonly PublishedPipeline[], entity: string): string {
  const index = indexOf(sharing[0]!.pipeline, entity);
  const shown = sharing.filter(
    ({ pipeline }, i) => i === 0 || pipeline.entities.some((one) => one.kind === 'keyed' && one.index === index),
  );
  return shown.map(({ pipeline, published }) => `${pipeline.name}.${published.number}`).join(' ');
}

/** Whether views are not what manifests say now: a publication did not come to write them, or was late to. */
export async function viewsAreLate(environment: Environment, pipeline: CompiledPipeline): Promise<boolean> {
  const { store } = environment;
  const { container } = pipeline.output;
  const sharing = await readSharers(environment, pipeline, { write: false });
  const latest = latestOf(pipeline, sharing[0]!.published);
  const there = await readJson(store, container, output.latest(pipeline), latestSchema);
  if (there?.runId !== latest?.runId || there?.life !== latest?.life) return true;
  const made = new Map<string, string | undefined>();
  const folder = output.publishedRuns(pipeline).replace(/[^/]*$/, '');
  for await (const { name, metadata } of store.list(container, folder))
    if (name.endsWith('.sql')) made.set(name, metadata.made);
  // Nothing was ever published. Runs that were withdrawn may have left views.
  if (!latest && made.size === 0) return false;
  return pipeline.entities.some(({ name }) =>
    engines.some((engine) => made.get(output.current(pipeline, name, engine)) !== madeFrom(sharing, name)),
  );
}

async function anyNewer({ store, config }: Environment, sharing: readonly PublishedPipeline[]): Promise<boolean> {
  const newer = await mapBounded(sharing, config.requestsInFlight, async ({ pipeline, published }) => {
    const name = output.publishedRuns(pipeline);
    const now = await readJson(store, pipeline.output.container, name, publishedRunsSchema);
    return now !== undefined && now.number !== published.number;
  });
  return newer.includes(true);
}
