/**
 * What an import is about to add to a key index: written by the command that reads the file, taken up by the activity
 * that holds the lease. Nothing of it counts before the import's manifest is there.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type ImportManifest, importManifestSchema } from '../../documents/imports.ts';
import type { Manifest } from '../../documents/manifest.ts';
import { OrdinalError } from '../../errors.ts';
import { ascending, fromJson, type IdRange, toJson } from '../../sequence/id-range.ts';

const count = z.int().nonnegative();
const placeSchema = z.object({ blob: z.string(), keys: count, bytes: count, directory: count });

export const importDraftSchema = z.object({
  version: z.literal(1),
  epoch: count,
  /** By partition: the version of the head that the keys were compared with, and the new keys. */
  partitions: z.array(z.object({ number: count, delta: placeSchema.nullable() })),
  /** Of the IDs that had been given when the keys were compared with them. */
  given: z.string(),
  /** Where the manifest will be. */
  place: z.object({ container: z.string(), name: z.string() }),
  manifest: importManifestSchema.omit({ term: true, importedAt: true }),
});
export type ImportDraft = z.infer<typeof importDraftSchema>;

/** What has given IDs of a sequence: ranges of runs, ascending, and imports. */
export interface GivenIds {
  ranges: IdRange[];
  imports: ImportManifest[];
}

/** @param manifests of all runs that have published, withdrawn ones too: their IDs are given to nobody else. */
export function givenIds(
  sequence: string,
  manifests: readonly Manifest[],
  imports: readonly ImportManifest[],
): GivenIds {
  return {
    ranges: manifests.flatMap(({ sequences }) => (sequences[sequence]?.ranges ?? []).map(fromJson)).sort(ascending),
    imports: imports.filter((one) => one.sequence === sequence),
  };
}

/** A text that changes with them. */
export function digestOfGiven({ ranges, imports }: GivenIds): string {
  const named = imports.map(({ index, importId }) => `${index}/${importId}`).sort();
  return createHash('sha256')
    .update(JSON.stringify([ranges.map(toJson), named]))
    .digest('hex');
}

/** What the keys were compared with is not what is there now. */
export function movedOn(index: string, what: string): OrdinalError {
  return new OrdinalError('StorageConflict', `key index "${index}" was not changed: ${what} meanwhile`, {
    remedy: 'Run the same command again.',
  });
}
