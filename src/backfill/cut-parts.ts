/**
 * Cuts a listing into runs: blobs that follow each other in name order, by folder or by size. The plan of a backfill
 * calls it. Pure, and its memory grows with the number of runs, not of blobs.
 */
import type { BackfillRequest, Part } from './backfill-documents.ts';

type Rule = Pick<BackfillRequest, 'by' | 'depth' | 'bytes' | 'files'>;

/** Takes blobs in name order. A blob that is larger than a run may be is a run by itself. */
export class PartCutter {
  readonly parts: Part[] = [];
  readonly #rule: Rule;
  readonly #prefix: string;
  #folder = '';

  /** @param prefix the pipeline's: folders are counted below it */
  constructor(rule: Rule, prefix: string) {
    this.#rule = rule;
    this.#prefix = prefix;
  }

  add({ blob, size }: { blob: string; size: number }): void {
    const { by, bytes, files } = this.#rule;
    const folder = by === 'folder' ? this.#folderOf(blob) : '';
    const open = this.parts.at(-1);
    if (open && folder === this.#folder && open.bytes + size <= bytes && open.files < files) {
      open.last = blob;
      open.bytes += size;
      open.files++;
    } else this.parts.push({ first: blob, last: blob, bytes: size, files: 1 });
    this.#folder = folder;
  }

  #folderOf(blob: string): string {
    const folders = blob.slice(this.#prefix.length).split('/').slice(0, -1);
    return folders.slice(0, this.#rule.depth).join('/');
  }
}

/** What two names begin with. */
export function commonPrefix(a: string, b: string): string {
  let end = 0;
  while (end < a.length && a[end] === b[end]) end++;
  // Not in the midst of a character that is written as two.
  if (end > 0 && /[\uD800-\uDBFF]/.test(a[end - 1]!)) end--;
  return a.slice(0, end);
}
