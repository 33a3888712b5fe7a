/**
 * What a pipeline's published runs tie it to. A changed pipeline is checked against the last run's identity before
 * anything is done: what would give known keys new IDs, or IDs twice, is refused until an operator accepts it.
 */

import { lastIdentitySchema } from '../documents/documents.ts';
import { manifestSchema } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { breakingChanges, identityOf, type PipelineIdentity } from '../pipeline/identity.ts';
import { readJson, writeJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';

/** Throws `PipelineChanged`, naming each change that IDs do not survive. */
export async function checkIdentity(environment: Environment, pipeline: CompiledPipeline): Promise<void> {
  const before = await lastIdentity(environment, pipeline);
  const [first, ...others] = before ? breakingChanges(before, identityOf(pipeline)) : [];
  if (!first) return;
  const more = others.map(({ field, message }) => `; ${field}: ${message}`).join('');
  throw new OrdinalError(
    'PipelineChanged',
    `pipeline "${pipeline.name}" contradicts its earlier runs: ${first.field}: ${first.message}${more}`,
    {
      where: { pipeline: pipeline.name, field: first.field },
      remedy: `Give the changed entity another name, or accept it: npm run ordinal -- pipelines accept ${pipeline.name}.`,
    },
  );
}

/** Notes the identity that a published run had, or that an operator accepts. */
export async function noteIdentity(
  { store, config }: Environment,
  pipeline: CompiledPipeline,
  runId: string,
): Promise<void> {
  const document = { version: 1, pipeline: pipeline.name, runId, identity: identityOf(pipeline) };
  await writeJson(store, config.workContainer, work.identity(pipeline.name), document);
}

async function lastIdentity(
  { store, config }: Environment,
  pipeline: CompiledPipeline,
): Promise<PipelineIdentity | undefined> {
  const kept = await readJson(store, config.workContainer, work.identity(pipeline.name), lastIdentitySchema);
  if (kept) return kept.identity;
  // Lost, or never written: the newest manifest of a run that published says the same.
  const { container } = pipeline.output;
  const found = await Array.fromAsync(store.list(container, output.manifestPrefix(pipeline)));
  found.sort((a, b) => (a.lastModified < b.lastModified ? 1 : -1));
  for (const { name } of found) {
    const manifest = await readJson(store, container, name, manifestSchema);
    if (manifest?.outcome === 'published') return manifest.identity;
  }
  return undefined;
}
