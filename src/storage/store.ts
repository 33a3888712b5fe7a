/**
 * The port to Blob Storage: the one door through which bytes enter and leave. `azure.ts` implements it; tests implement it in
 * memory and wrap it with fault points. Every folder above `src/storage` calls it and none may reach the service by another
 * way. All errors are `OrdinalError`s; absence is an `undefined` answer where it is an expected outcome.
 */
/** One blob as a listing shows it. */
export interface BlobItem {
  name: string;
  /** Bytes. */
  size: number;
  etag: string;
  /** ISO time of the last write. */
  lastModified: string;
  metadata: Record<string, string>;
}

/** Some of the blobs under a prefix, in name order. */
export interface BlobPage {
  blobs: BlobItem[];
  /** Where the next page begins: the store's own mark. Undefined after the last page. */
  next?: string;
}

/** Conditions and properties of a write. */
export interface WriteOptions {
  /** Refuse with `StorageConflict` when the blob exists. */
  ifAbsent?: boolean;
  /** Refuse with `StorageConflict` when the blob is not this version. */
  ifMatch?: string;
  contentType?: string;
  /** Keys are lower-case identifiers; values ASCII. */
  metadata?: Record<string, string>;
}

/** Which page of a listing: at most so many blobs, from where an earlier page ended. */
export interface PageRequest {
  size: number;
  from?: string;
}

/** The version that a write has made. */
export interface Written {
  etag: string;
}

/** A whole blob, and the version that was read. */
export interface ReadVersion {
  bytes: Uint8Array;
  etag: string;
}

/** Bytes of a blob: offset and length, in the version of `ifMatch` where one is named. */
export interface ReadRange {
  offset: number;
  length: number;
  ifMatch?: string;
}

/** Bytes of a blob: offset and length, in the version of `ifMatch`. */
export interface BlobRange {
  container: string;
  name: string;
  offset: number;
  length: number;
  ifMatch: string;
}

/**
 * What `read` of a store has answered and nobody else holds: whoever asked may move its memory to another thread, once. A
 * store that keeps what it answers must not put it here.
 */
export const handedOver = new WeakSet<Uint8Array>();

/**
 * Blobs by container and name. Each method may also throw `StorageFailed`: the service cannot be reached or refuses the
 * request. It is retryable where the service may recover by itself.
 */
export interface BlobStore {
  /**
   * Blobs under a prefix in name order (ordinal order of UTF-8 bytes, as the service lists them).
   * @throws `StorageFailed`
   */
  list(container: string, prefix: string): AsyncIterable<BlobItem>;
  /**
   * One page of `list`, by one request: at most `size` blobs, from where an earlier page ended.
   * @throws `StorageFailed` also for a mark that no page gave
   */
  listPage(container: string, prefix: string, page: PageRequest): Promise<BlobPage>;
  /**
   * Undefined when there is no such blob.
   * @throws `StorageFailed`
   */
  head(container: string, name: string): Promise<BlobItem | undefined>;
  /**
   * Reads a byte range (offset and length in bytes), or the whole blob. Bytes of a range are the caller's own. Undefined when there is no such blob. A blob that
   * ends within the range, or that is not the version of `ifMatch` any more, ends in SourceChanged.
   * @throws `StorageFailed`
   */
  read(container: string, name: string, range?: ReadRange): Promise<Uint8Array | undefined>;
  /**
   * The whole blob and the ETag of the version that was read. Undefined when there is no such blob.
   * @throws `StorageFailed`
   */
  readVersion(container: string, name: string): Promise<ReadVersion | undefined>;
  /**
   * Puts a whole blob at once. Returns its ETag.
   * @throws `StorageConflict` when a condition of `options` does not hold
   * @throws `StorageFailed`
   */
  write(container: string, name: string, bytes: Uint8Array, options?: WriteOptions): Promise<Written>;
  /**
   * Stages one uncommitted block. Ids of one blob have equal length; staging the same id again replaces it.
   * @throws `LimitExceeded` when the block is longer than the service takes (`limits.blockBytesMax`)
   * @throws `StorageConflict` when the blob is being changed in another way
   * @throws `StorageFailed`
   */
  stageBlock(container: string, name: string, blockId: string, parts: readonly Uint8Array[]): Promise<void>;
  /**
   * The same with bytes of another blob, which the service copies by itself: they do not come here. A range that goes
   * beyond the blob's end is the caller's to refuse: not all services do.
   * @throws `SourceChanged` when the source is gone, or is not the version of `ifMatch` any more
   * @throws `StorageFailed` also when the service may not read the source
   */
  stageBlockFrom(container: string, name: string, blockId: string, source: BlobRange): Promise<void>;
  /**
   * Put Block List: the blob becomes exactly these staged blocks, or nothing changes.
   * @throws `StorageConflict` when a condition of `options` does not hold
   * @throws `LimitExceeded` when there are more blocks than a blob takes (`limits.blocksPerBlobMax`)
   * @throws `StorageFailed` also when a block was never staged, or has expired
   */
  commitBlocks(container: string, name: string, blockIds: readonly string[], options?: WriteOptions): Promise<Written>;
  /**
   * True when there was a blob to delete.
   * @throws `StorageFailed`
   */
  remove(container: string, name: string): Promise<boolean>;
  /**
   * Makes the container, unless it is there.
   * @throws `StorageFailed`
   */
  ensureContainer(container: string): Promise<void>;
}
