/**
 * What a Parquet file says of its columns: types from its footer, and nulls, distinct values and bounds from its rows.
 * `ordinal new pipeline` makes a contract of it. It reads at most `rowsMax` rows, whole row groups from the first on.
 */
import { decodeChunk } from '../../src/parquet/decode.ts';
import { footerLength, parseFooter } from '../../src/parquet/footer-read.ts';
import { reader } from '../../src/parquet/logical.ts';
import type { Column, ColumnType, Leaf } from '../../src/parquet/types.ts';

/** A column as its rows show it. Values are those of `reader(type, 'any')`. */
export interface ColumnProfile {
  /** Of a leaf in groups its path, with dots. */
  name: string;
  /** Of a leaf in groups: the groups, and the leaf itself. */
  path?: Leaf['path'];
  type: ColumnType;
  /** Whether the file's schema lets nulls be. */
  optional: boolean;
  nulls: number;
  /** Distinct values without null. */
  distinct: number;
  /** Some of them, in the order in which they came. */
  samples: unknown[];
  /** False where there are NaNs or infinities. */
  finite: boolean;
  /** Of numbers that are finite, and of bigints. */
  min: number | bigint | undefined;
  max: number | bigint | undefined;
  /** Of texts, in characters. */
  shortest: number;
  longest: number;
}

/** A file's columns, and how much of it was looked at. */
export interface FileProfile {
  /** Rows that were read, of so many. */
  rows: number;
  rowsOfFile: number;
  columns: ColumnProfile[];
  /** Columns that are nested: they cannot be used. */
  nested: string[];
}

/** Rows that are read. A million tell what a contract needs, and are read in seconds. */
const rowsMax = 1_000_000;
const samplesMax = 8;

/** A file of any size: only what is looked at is read. */
export interface RangedFile {
  size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The last bytes of a file: its footer. */
async function footerOf({ size, read }: RangedFile, blob: string): Promise<Uint8Array> {
  const length = Math.min(size, 64 * 1024);
  const tail = await read(size - length, length);
  const footer = footerLength(tail.subarray(Math.max(0, tail.length - 8)), size, blob) + 8;
  return footer <= length ? tail : await read(size - footer, footer);
}

/**
 * Profiles a file.
 * @param given the file
 * @param blob its name, for errors
 * @throws OrdinalError as `parseFooter` and `decodeChunk`
 */
export async function profileFile(given: RangedFile, blob: string): Promise<FileProfile> {
  const file = parseFooter(await footerOf(given, blob), given.size, blob);
  let groups = 0;
  let rows = 0;
  while (groups < file.rowGroups.length && (groups === 0 || rows + file.rowGroups[groups]!.rows <= rowsMax)) {
    rows += file.rowGroups[groups++]!.rows;
  }
  const columns: ColumnProfile[] = [];
  for (const leaf of file.leaves.filter(({ nested }) => !nested)) {
    const profile = new Profile(leaf);
    for (const [rowGroup, group] of file.rowGroups.slice(0, groups).entries()) {
      const meta = group.chunks[leaf.ordinal]!;
      const chunk = await given.read(meta.start, meta.length);
      profile.add(decodeChunk(chunk, meta, leaf, group.rows, { blob, rowGroup }));
    }
    columns.push(profile.done());
  }
  const nested = new Set(file.leaves.filter((leaf) => leaf.nested).map(({ name }) => name.split('.')[0]!));
  return { rows, rowsOfFile: file.rows, columns, nested: [...nested] };
}

class Profile {
  readonly #leaf: Leaf;
  readonly #read: ReturnType<typeof reader>;
  readonly #seen = new Set<unknown>();
  readonly #samples: unknown[] = [];
  #nulls = 0;
  #finite = true;
  #min: number | bigint | undefined;
  #max: number | bigint | undefined;
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;

  constructor(leaf: Leaf) {
    this.#leaf = leaf;
    this.#read = reader(leaf.type, 'any');
  }

  add(column: Column): void {
    this.#nulls += column.nulls;
    if (column.form === 'plain') {
      for (let row = 0; row < column.rows; row++) {
        if (column.valid?.[row] !== 0) this.#note(this.#read(column.values, row));
      }
      return;
    }
    // A dictionary may hold entries that no row uses.
    const used = new Uint8Array(column.dictionary.length);
    for (const index of column.indices) if (index >= 0) used[index] = 1;
    for (let entry = 0; entry < used.length; entry++)
      if (used[entry] === 1) this.#note(this.#read(column.dictionary, entry));
  }

  #note(value: unknown): void {
    const identity =
      value instanceof Date
        ? value.getTime()
        : value instanceof Uint8Array
          ? Buffer.from(value).toString('latin1')
          : value;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    if (this.#samples.length < samplesMax) this.#samples.push(value);
    if (typeof value === 'string') {
      this.#shortest = Math.min(this.#shortest, value.length);
      this.#longest = Math.max(this.#longest, value.length);
    } else if (typeof value === 'number' && !Number.isFinite(value)) this.#finite = false;
    else if (typeof value === 'number' || typeof value === 'bigint') {
      if (this.#min === undefined || value < this.#min) this.#min = value;
      if (this.#max === undefined || value > this.#max) this.#max = value;
    }
  }

  done(): ColumnProfile {
    const { name, path, type, optional } = this.#leaf;
    return {
      ...(path && { path }),
      ...{ name, type, optional, nulls: this.#nulls, distinct: this.#seen.size, samples: this.#samples },
      ...{ finite: this.#finite, min: this.#min, max: this.#max },
      ...{ shortest: this.#longest === 0 ? 0 : this.#shortest, longest: this.#longest },
    };
  }
}
