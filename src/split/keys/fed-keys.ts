/**
 * Types and names that key lists share: which key of the batch each row leads to, and how the columns of a list are
 * named. The split writes them, and the resolve reads them. Names must be the same on both sides.
 */
import type { TableColumn } from '../../parquet/table.ts';
import type { Feed } from '../../pipeline/compiled.ts';
import type { Factor } from '../contract/factorize.ts';

/** For the rows of one unit and one feed: row → code → the key's ordinal in the batch's list. */
export interface FedKeys {
  factor: Factor;
  /** By code; -1 for a code that does not occur. */
  ordinals: Int32Array;
}

/** Columns of a key list beside the key's components. */
export const keyListColumn = {
  component: (c: number) => `key_${c}`,
  attribute: (name: string) => `value_${name}`,
  /** Ordinal in the referenced entity's key list of the same batch. */
  reference: (name: string) => `ref_${name}`,
  /** True where the own feed supplied attributes. */
  described: 'described',
  /** Number, in the batch, of the first row that named the key through the own feed. */
  firstRow: 'first_row',
  /** Where changes are reported, the same of the last row that named the key: its row number in the batch, ... */
  latestRow: 'latest_row',
  latest: (column: string) => `latest.${column}`,
  /** ... and digests of the attributes of the first row and of the last one. */
  firstDigest: 'first_digest',
  latestDigest: 'latest_digest',
};

/** A column of row numbers. */
export function rowColumn(name: string, rows: Int32Array): TableColumn {
  const values = { kind: 'int32', length: rows.length, data: rows } as const;
  return { name, type: { physical: 'INT32' }, values, valid: undefined };
}

export const feedKey = (feed: Pick<Feed, 'target' | 'columns' | 'selectedBy'>) =>
  JSON.stringify([feed.target, feed.columns, feed.selectedBy ?? null]);
