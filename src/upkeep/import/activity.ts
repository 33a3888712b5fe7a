/**
 * Activity `importKeys`: makes a prepared import count. An orchestration that holds the index's lease calls it. The keys
 * are pending in the heads of the index first; then the manifest is written, once; then the heads take them in. So an
 * import counts whole or not at all, whatever dies on the way, and doing it again changes nothing.
 */
import { z } from 'zod';
import { defineActivity } from '../../durable/activity.ts';
import type { Environment } from '../../environment/environment.ts';
import { indexBlobs, type PendingDelta } from '../../keys/index-documents.ts';
import { openIndex, settlePending, withPending } from '../../keys/key-index.ts';
import { publishedIds } from '../../resolve/run-key-index.ts';
import { requireJson, writeJson } from '../../storage/json.ts';
import { unlessConflict } from '../../storage/write-once.ts';
import { readGiven } from './compare-ids.ts';
import { digestOfGiven, type ImportDraft, importDraftSchema, movedOn } from './draft.ts';

const importKeysInputSchema = z.object({
  index: z.string(),
  importId: z.string().regex(/^[0-9a-f]{16}$/),
  /** The grant of the index's lease. */
  term: z.int().nonnegative(),
  /** ISO time of the import. */
  now: z.string(),
});

export interface ImportOutput {
  index: string;
  importId: string;
  /** Keys that were added, and keys that the index has now. */
  added: number;
  keys: number;
  manifest: string;
}

export const importKeys = defineActivity({
  name: 'importKeys',
  input: importKeysInputSchema,
  work: importKeysActivity,
});

async function importKeysActivity(
  environment: Environment,
  { index, importId, term, now }: z.infer<typeof importKeysInputSchema>,
): Promise<ImportOutput> {
  const { store, config } = environment;
  const container = config.workContainer;
  const draft = await requireJson(store, container, indexBlobs.importDraft(index, importId), importDraftSchema);
  const { manifest, place, partitions } = draft;
  const document = await openIndex({ store, container }, index, {
    partitions: partitions.length,
    keyTypes: manifest.keyTypes,
  });
  const parts = partitions.map((one, partition) => ({ ...one, at: { store, container, document, partition } }));
  const settle = async (): Promise<number> => {
    let keys = 0;
    for (const { at } of parts) keys += (await settlePending(at, publishedIds(environment, at.partition))).keys;
    return keys;
  };
  const done = (keys: number) => ({ index, importId, added: manifest.keys, keys, manifest: place.name });
  const there = await store.head(place.container, place.name);
  if (there) return done(await settle());
  if (document.epoch !== draft.epoch) throw movedOn(index, 'it was rebuilt');
  const given = await readGiven(environment, manifest.sequence);
  if (digestOfGiven(given) !== draft.given) throw movedOn(index, 'IDs of its sequence were given');
  for (const { at, number, delta } of parts) {
    const head = await settlePending(at, publishedIds(environment, at.partition));
    if (head.number !== number) throw movedOn(index, 'runs have added keys');
    await settlePending(at, publishedIds(environment, at.partition), (now) =>
      withPending(now, term, pendingOf(draft, importId, delta)),
    );
  }
  const imported = { ...manifest, term, importedAt: now };
  await unlessConflict(writeJson(store, place.container, place.name, imported, { ifAbsent: true }));
  return done(await settle());
}

function pendingOf({ place }: ImportDraft, importId: string, delta: PendingDelta['delta']): PendingDelta | null {
  if (!delta) return null;
  return { runId: `import-${importId}`, life: 1, entity: '', imported: true, manifest: place, delta };
}
