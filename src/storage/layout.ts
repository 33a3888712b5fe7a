/**
 * Layouts of blobs that are not JSON: frames, key lists, segments. Each begins or ends with a mark of four characters, and
 * the last of them is the digit of the layout. Whoever reads such bytes asks here first. It must never take a layout that
 * this code does not know for a damaged file.
 */
import { refuseNewer } from '../errors.ts';

/**
 * Whether bytes have the layout that this code reads, by their mark.
 * @param found the mark that was read, as a little-endian number
 * @param known the mark of the newest layout that this code reads
 * @param blob name of the blob
 * @returns true when it is the known mark; false when it is no mark, or one of an older layout
 * @throws OrdinalError `NewerVersion` for a later digit after the same three characters
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export function isLayout(found: number, known: number, blob: string): boolean {
  const digit = (mark: number) => (mark >>> 24) - 0x30;
  const same = ((found ^ known) & 0xffffff) === 0;
  if (same && digit(found) <= 9) refuseNewer({ version: digit(found) }, digit(known), `"${blob}"`, { blob });
  return found === known;
}
