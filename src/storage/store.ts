/**
 * The port to Blob Storage: the one door through which bytes enter and leave. Implemented over Azure Blob Storage in
 * `azure.ts`; wrapped with named fault points in tests. All errors are `OrdinalError`s: `StorageFailed` (retryable),
 * `StorageConflict` (a condition did not hold), or `undefined` answers where absence is an expected outcome.
 */
export interface BlobItem {
  name: string;
  /** Bytes. */
  size: number;
  etag: string;
  /** ISO time of the last write. */
  lastModified: string;
  metadata: Record<string, string>;
}

export interface WriteOptions {
  /** Refuse with `StorageConflict` when the blob exists. */
  ifAbsent?: boolean;
  /** Refuse with `StorageConflict` when the blob is not this version. */
  ifMatch?: string;
  contentType?: string;
  /** Keys are lower-case identifiers; values ASCII. */
  metadata?: Record<string, string>;
}

export interface BlobStore {
  /** Blobs under a prefix in name order (ordinal order of UTF-8 bytes, as the service lists them). */
  list(container: string, prefix: string): AsyncIterable<BlobItem>;
  /** Undefined when there is no such blob. */
  head(container: string, name: string): Promise<BlobItem | undefined>;
  /**
   * Reads a byte range, or the whole blob. With `ifMatch` the blob must still be that version (`SourceChanged`).
   * Undefined when there is no such blob.
   */
  read(
    container: string,
    name: string,
    range?: { offset: number; length: number; ifMatch?: string },
  ): Promise<Uint8Array | undefined>;
  /** The whole blob and the ETag of the version that was read. Undefined when there is no such blob. */
  readVersion(container: string, name: string): Promise<{ bytes: Uint8Array; etag: string } | undefined>;
  /** Puts a whole blob at once. Returns its ETag. */
  write(container: string, name: string, bytes: Uint8Array, options?: WriteOptions): Promise<{ etag: string }>;
  /** Stages one uncommitted block. Ids of one blob have equal length; staging the same id again replaces it. */
  stageBlock(container: string, name: string, blockId: string, parts: readonly Uint8Array[]): Promise<void>;
  /** Put Block List: the blob becomes exactly these staged blocks, or nothing changes. */
  commitBlocks(
    container: string,
    name: string,
    blockIds: readonly string[],
    options?: WriteOptions,
  ): Promise<{ etag: string }>;
  /** True when there was a blob to delete. */
  remove(container: string, name: string): Promise<boolean>;
  ensureContainer(container: string): Promise<void>;
}
