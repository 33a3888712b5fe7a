/**
 * What other engines have done to a run's files in the tables that they belong to. `verify.ts` calls it: a file that was
 * rewritten is no damage, and one that is gone since cannot be checked.
 */
import type { Manifest } from '../documents/manifest.ts';
import { rowFilesOf } from '../documents/manifests.ts';
import { tablePlace } from '../documents/table-place.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { delta } from '../table-format/delta.ts';
import type { Rewrite } from '../table-format/table-format.ts';

export interface RewrittenFiles {
  /** By blob: who took it out of its table. */
  files: ReadonlyMap<string, Rewrite>;
  /** Rewritten files of keyed entities, of this run or others, that are there no more: their keys are unknown. */
  goneKeys: number;
  notes: string[];
}

/** The files of a run, and of its pipeline's keyed entities, that others took out of the tables. */
export async function rewrittenFiles(
  environment: Environment,
  manifest: Manifest,
  pipeline: CompiledPipeline,
): Promise<RewrittenFiles> {
  const files = new Map<string, Rewrite>();
  const notes: string[] = [];
  let goneKeys = 0;
  const own = new Set(
    manifest.entities.flatMap((one) => [...rowFilesOf(one), ...(one.changes?.files ?? [])].map(({ blob }) => blob)),
  );
  for (const { name, kind } of pipeline.output.table ? pipeline.entities : []) {
    for (const dataset of ['rows', 'changes'] as const) {
      const place = tablePlace(environment, pipeline, name, dataset);
      for (const rewrite of await rewritesOf(place, notes)) {
        const blob = `${place.folder}/${rewrite.name}`;
        files.set(blob, rewrite);
        const there = await environment.store.head(place.container, blob);
        if (!there && kind === 'keyed' && dataset === 'rows') goneKeys++;
        if (there && own.has(blob)) notes.push(`${blob}: ${rewriteText(rewrite)}`);
      }
    }
  }
  return { files, goneKeys, notes };
}

async function rewritesOf(place: ReturnType<typeof tablePlace>, notes: string[]): Promise<Rewrite[]> {
  try {
    return await delta.rewrites(place);
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError)) throw thrown;
    notes.push(`${place.folder}: ${thrown.message}`);
    return [];
  }
}

/** What happened to a file, as the end of a sentence. */
export function rewriteText({ operation, version }: Rewrite): string {
  return `was rewritten by ${operation}, in version ${version} of the table`;
}
