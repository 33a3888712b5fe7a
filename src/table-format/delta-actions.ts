/**
 * The actions of a Delta log, and the state that they add up to. `delta-log.ts` reads them, `delta.ts` makes them. Fields
 * that this code does not know must stay in an action: a checkpoint must not lose them.
 *
 * Specification: Delta `PROTOCOL.md`, "Actions", "Action Reconciliation".
 */
import { z } from 'zod';

const count = z.number();
const textMap = z.record(z.string(), z.string().nullable());

/** Which rows of a file are deleted: other engines write it. */
const deletionVector = z
  .looseObject({ storageType: z.string(), pathOrInlineDv: z.string(), offset: count.nullish() })
  .nullish();

export const actionSchema = z.looseObject({
  protocol: z
    .looseObject({
      minReaderVersion: count,
      minWriterVersion: count,
      readerFeatures: z.array(z.string()).nullish(),
      writerFeatures: z.array(z.string()).nullish(),
    })
    .nullish(),
  metaData: z
    .looseObject({
      id: z.string(),
      format: z.looseObject({ provider: z.string(), options: textMap.nullish() }),
      schemaString: z.string(),
      partitionColumns: z.array(z.string()),
      configuration: textMap.nullish(),
      createdTime: count.nullish(),
    })
    .nullish(),
  txn: z.looseObject({ appId: z.string(), version: count, lastUpdated: count.nullish() }).nullish(),
  add: z
    .looseObject({
      path: z.string(),
      partitionValues: textMap.nullish(),
      size: count,
      modificationTime: count,
      dataChange: z.boolean().nullish(),
      stats: z.string().nullish(),
      tags: textMap.nullish(),
      deletionVector,
    })
    .nullish(),
  remove: z.looseObject({ path: z.string(), deletionTimestamp: count.nullish(), deletionVector }).nullish(),
  commitInfo: z.looseObject({ operation: z.string().optional() }).nullish(),
});
export type Action = z.infer<typeof actionSchema>;
export type Protocol = NonNullable<Action['protocol']>;
export type MetaData = NonNullable<Action['metaData']>;
export type Add = NonNullable<Action['add']>;
export type Remove = NonNullable<Action['remove']>;

/** What the actions of a log add up to. */
export interface TableState {
  /** Of the newest commit; -1 when there is no table. */
  version: number;
  /** By version of each commit that was read since a checkpoint: the ETag of its blob. */
  commits: Map<number, string>;
  protocol?: Protocol;
  metaData?: MetaData;
  transactions: Map<string, number>;
  /** By what names a file in the log: its path, and its deletion vector where it has one. */
  files: Map<string, Add>;
  removed: Map<string, Remove>;
}

/**
 * What names a file in the log. With another deletion vector it is another one, so an engine that deletes rows adds and
 * removes one path in one commit, in any order.
 */
function fileKey({ path, deletionVector: vector }: Pick<Add, 'path' | 'deletionVector'>): string {
  if (!vector) return path;
  const { storageType, pathOrInlineDv, offset } = vector;
  return `${path}\0${storageType}${pathOrInlineDv}${typeof offset === 'number' ? `@${offset}` : ''}`;
}

/** Adds an action to the state, as the specification reconciles them: of one file or app, the newest counts. */
export function apply(state: TableState, { protocol, metaData, txn, add, remove }: Action): void {
  if (protocol) state.protocol = protocol;
  if (metaData) state.metaData = metaData;
  if (txn) state.transactions.set(txn.appId, txn.version);
  if (remove) {
    state.files.delete(fileKey(remove));
    state.removed.set(fileKey(remove), remove);
  }
  if (add) {
    state.removed.delete(fileKey(add));
    state.files.set(fileKey(add), add);
  }
}
