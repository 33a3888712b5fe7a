/** Imports `src/sequence` with a bug planted in it, for the tests of this folder: paths are from there. */
import * as planted from '../run/support/planted.ts';

export type { PlantedBug } from '../run/support/planted.ts';

/** Module `entry` of `src/sequence` as it would be with the bug, which may be in any module that it imports. */
export function importWithBug<M>(entry: string, bug: planted.PlantedBug): Promise<M> {
  return planted.importWithBug(`src/sequence/${entry}`, { ...bug, file: `src/sequence/${bug.file}` });
}
