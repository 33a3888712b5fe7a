/**
 * The ledger as runs use it: where it is, what decides the fate of a claim, and what a run takes of its source. The plan
 * calls it, the publication, the discard and arriving blobs. A dry run must claim nothing.
 */
import type { PlanInput } from '../documents/documents.ts';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { KeyTable } from '../keys/table.ts';
import { type Fate, type Ledger, putLedger, readLedger, rebuiltLedger } from '../ledger/ledger.ts';
import type { VersionClaim } from '../ledger/ledger-documents.ts';
import { type Claimers, type Taken, takeVersions, type Wish } from '../ledger/take-versions.ts';
import { addTo, type Version } from '../ledger/versions.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import type { PinnedBlob } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';

/** Where a pipeline's ledger is. */
export function ledgerOf({ store, config }: Environment, { name }: Pick<CompiledPipeline, 'name'>): Ledger {
  return { store, container: config.workContainer, pipeline: name };
}

/** The manifest decides. Without it, or while a later life may still publish, a claim is open. */
export function fateOf({ store }: Pick<Environment, 'store'>): Wish['fateOf'] {
  return async ({ runId, life, delta, manifest: place }: VersionClaim): Promise<Fate> => {
    const manifest = await readJson(store, place.container, place.name, manifestSchema);
    if (!manifest) return 'open';
    if (manifest.outcome === 'published') {
      // An execution of the plan that was held up may claim what is new when its life has published already.
      const mine = manifest.life === life && manifest.runId === runId && manifest.source.claim === delta.blob;
      return mine ? 'read' : 'closed';
    }
    return manifest.outcome === 'withdrawn' || manifest.life >= life ? 'closed' : 'open';
  };
}

/**
 * What a run takes of the blobs that its source lists.
 *
 * @throws OrdinalError `AlreadyRead` when all were asked for, and some were read.
 * @throws OrdinalError `SourceEmpty` when nothing is left, and the run is to fail then.
 */
export async function takeNew(
  environment: Environment,
  pipeline: CompiledPipeline,
  input: PlanInput,
  listed: readonly PinnedBlob[],
): Promise<Taken<PinnedBlob> | Claimers> {
  const wish: Wish = {
    of: { runId: input.runId, life: input.life },
    manifest: { container: pipeline.output.container, name: output.manifest(pipeline, input.runId) },
    versions: wantedOf(input),
    dryRun: input.dryRun === true,
    asked: input.asked === true,
    fateOf: fateOf(environment),
    makeFirst: () => makeFirst(environment, pipeline),
  };
  const taken = await takeVersions(ledgerOf(environment, pipeline), wish, listed);
  if ('versions' in taken && taken.versions.length === 0 && input.failOnEmpty) throw nothing(pipeline, input, taken);
  return taken;
}

/** What nobody has read or claimed of these blobs, without a claim: a backfill cuts it into runs. */
export async function newOf(
  environment: Environment,
  pipeline: CompiledPipeline,
  listed: readonly PinnedBlob[],
): Promise<Taken<PinnedBlob>> {
  const input: PlanInput = { runId: 'none', life: 1, pipeline: pipeline.name, prefix: '', dryRun: true, asked: true };
  const taken = await takeNew(environment, pipeline, input, listed);
  invariant('versions' in taken, 'a look that asks about nobody');
  return taken;
}

/** Blobs that are given by name are wanted, and not only what is new of them. */
function wantedOf({ versions, again, select }: PlanInput): Wish['versions'] {
  if (again) return 'again';
  return versions ?? (select?.by === 'blobs' || select?.by === 'list' ? 'all' : 'new');
}

function nothing({ source }: CompiledPipeline, { prefix }: PlanInput, { leftOut }: Taken<PinnedBlob>): OrdinalError {
  const left = leftOut.read + leftOut.pending;
  const found = left > 0 ? `nothing new under "${source.container}/${prefix}": ${left} blobs were read` : undefined;
  return new OrdinalError('SourceEmpty', found ?? `no blob "${source.container}/${prefix}*${source.suffix}"`, {
    where: { field: 'prefix' },
    remedy: found
      ? 'Upload what is new before the run starts, or leave out failOnEmpty.'
      : 'Check container, prefix and suffix; upload the source before the run starts.',
  });
}

/** Runs that were published before there were ledgers are in the first one. */
async function makeFirst(environment: Environment, pipeline: CompiledPipeline): Promise<void> {
  for await (const _ of environment.store.list(pipeline.output.container, output.manifestPrefix(pipeline))) {
    await rebuildLedger(environment, pipeline);
    return;
  }
}

/** The versions that a run has read: its inputs, and the files that it set aside. */
export function readBy({ inputs, setAside = [] }: Manifest): Version[] {
  return [...inputs, ...setAside].map(({ blob, etag }) => ({ blob, etag }));
}

/** Manifests that are read at a time. */
const MANIFESTS_AT_ONCE = 500;

/**
 * Writes a pipeline's ledger again, from the manifests of its runs. Claims of runs under way stay. It may run beside
 * runs: what changes meanwhile makes it begin anew.
 *
 * @returns distinct versions that published runs have read, and how many runs those were.
 * @throws OrdinalError `StorageConflict` (retryable) when runs keep changing the ledger meanwhile.
 */
export async function rebuildLedger(
  environment: Environment,
  pipeline: CompiledPipeline,
): Promise<{ versions: number; runs: number }> {
  const at = ledgerOf(environment, pipeline);
  for (let tries = 0; tries < limits.ledgerTriesMax; tries++) {
    // First the head, then the manifests: what is taken in after that changes the head.
    const there = await readLedger(at);
    const table = new KeyTable();
    let runs = 0;
    await forEachManifest(environment, pipeline, (manifest) => {
      if (manifest.outcome !== 'published') return;
      runs++;
      for (const version of readBy(manifest)) addTo(table, version);
    });
    const head = await rebuiltLedger(at, there?.value, table);
    if (!(await putLedger(at, head, there))) continue;
    for (const { blob } of there?.value.entries ?? []) await at.store.remove(at.container, blob);
    return { versions: table.size, runs };
  }
  throw new OrdinalError('StorageConflict', `runs keep changing the ledger of "${pipeline.name}"`, {
    where: { pipeline: pipeline.name },
    retryable: true,
    remedy: 'Rebuild it when fewer runs are under way.',
  });
}

async function forEachManifest(
  { store, config }: Environment,
  pipeline: CompiledPipeline,
  visit: (manifest: Manifest) => void,
): Promise<void> {
  const { container } = pipeline.output;
  let names: string[] = [];
  const read = async () => {
    const manifests = await mapBounded(names, config.requestsInFlight, (name) =>
      readJson(store, container, name, manifestSchema),
    );
    for (const manifest of manifests) if (manifest?.pipeline === pipeline.name) visit(manifest);
    names = [];
  };
  for await (const { name } of store.list(container, output.manifestPrefix(pipeline))) {
    names.push(name);
    if (names.length >= MANIFESTS_AT_ONCE) await read();
  }
  await read();
}
