/** Vocabulary of key lists: how rows resolve to a batch's keys, and the columns of a list. */
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
  /** Where changes are reported, the same of the last row that named the key: its row number in the batch, ... */
  latestRow: 'latest_row',
  latest: (column: string) => `latest.${column}`,
  /** ... and digests of the attributes of the first row and of the last one. */
  firstDigest: 'first_digest',
  latestDigest: 'latest_digest',
};

export const feedKey = (feed: Pick<Feed, 'target' | 'columns' | 'selectedBy'>) =>
  JSON.stringify([feed.target, feed.columns, feed.selectedBy ?? null]);
