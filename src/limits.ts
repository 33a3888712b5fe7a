/**
 * Every limit of Ordinal in one place: a name with its unit, a number, and the source that sets it. What is beyond a
 * limit is refused by name before any work is done, or asserted where it can only be a defect.
 */
export const limits = {
  /** JSON bytes of any orchestration or activity input or output. Above 45 KB durable storage spills to blobs; 1 MB is
   * the Durable Task Scheduler's hard limit. Ours is far below: history carries references and counts only. */
  payloadBytesMax: 16 * 1024,
  /** JSON bytes (UTF-16) of a custom status: over 16 KB the extension fails the orchestration (ext#2918). */
  customStatusBytesMax: 16 * 1024,
  /** JSON bytes of a sequence entity's state. */
  entityStateBytesMax: 64 * 1024,
  /** Tasks in one orchestration's fan-out; above it, sub-orchestrations by shard (replay is quadratic, djs#221). */
  fanOutTasksMax: 200,
  /** Batches in one run: fanOutTasksMax shards of fanOutTasksMax tasks. */
  batchesMax: 40_000,
  /** Decoded bytes of a batch's used columns, by estimate, and files of a batch: a split ends well within a function's
   * time. A unit that has more of either stands alone. */
  batchBytesMax: 1024 * 1024 * 1024,
  batchFilesMax: 4_000,
  /** Source files that one document lists, and whose footers one activity reads. */
  filesPerDocumentMax: 500,
  /** Bytes of a source file up to which the split reads it by one request, footer and all. */
  wholeFileBytesMax: 4 * 1024 * 1024,
  /** Bytes of small source files that a split reads ahead, and how many of them. */
  readAheadBytesMax: 16 * 1024 * 1024,
  readAheadFilesMax: 32,
  /** Bytes, and number, of the documents of runs that a process keeps in memory: plans of millions of rows are small. */
  keptBytesMax: 16 * 1024 * 1024,
  keptDocumentsMax: 256,
  /** Slots up to which all those of a key partition are read at once and kept, in place of a range for each batch: they
   * take 8 bytes each at the very most, and mostly less than two. */
  keptSlotsMax: 512 * 1024,
  /** Bytes of an entity's key lists that the resolve of a key partition keeps from its first reading for the next ones. */
  keptKeyListBytesMax: 64 * 1024 * 1024,
  /** Seconds for which a process takes a run's plan to be what it was when last looked at: a run that was given up is
   * noticed by what it still executes, and an activity may be slow by as much anyway. */
  planTrustSecondsMax: 10,
  /** Attempts at one activity before its run fails. */
  activityAttemptsMax: 4,
  /** Bytes of a static block up to which it waits in its batch's blob for the late ones beside it, in place of a request of
   * its own; and of all that a batch holds back so. */
  heldBlockBytesMax: 64 * 1024,
  heldBytesMax: 16 * 1024 * 1024,
  /** A short run, which keeps its work in progress in memory: source files that one activity reads the footers of;
   * activities of a key partition that one activity stands for; batches that it splits at a time. */
  shortFilesMax: 20_000,
  shortResolvesMax: 64,
  shortBatchesAtOnce: 2,
  /** Seconds after which worker threads that have nothing to do end. */
  idleThreadSecondsMax: 60,
  /** Bytes of the documents that a short run may have in memory after its split; with more it takes the long way. */
  shortDocumentBytesMax: 96 * 1024 * 1024,
  /** Seconds for which a process keeps the work of a short run, and the sources that its plan has read, for the next
   * phase: what is asked for later is made again. */
  shortKeptSecondsMax: 300,
  /** Seconds between two notes of which tasks of a short run have ended; a run that is shorter makes none. */
  shortNoteSeconds: 2,
  /** Bytes of source files that the plan of a short run keeps for its split. */
  keptSourceBytesMax: 64 * 1024 * 1024,
  /** Bytes under which a block of a short run waits in memory for its file's commit; bytes of all that wait; and bytes
   * of the blocks that they are joined to. */
  waitingBlockBytesMax: 1024 * 1024,
  waitingBytesMax: 64 * 1024 * 1024,
  joinedBlockBytesMax: 8 * 1024 * 1024,
  /** Source files that a run may set aside, and characters of the reason that is kept of each. */
  badFilesMax: 1000,
  badFileReasonMax: 500,
  /** Source columns that the manifest names because the rejected rows could not keep them. */
  leftOutColumnsMax: 1000,
  /** Committed blocks of one block blob (Put Block List). */
  blocksPerBlobMax: 50_000,
  /** Bytes of one block (Put Block, service version 2019-12-12 and later, allows 4000 MiB; Node's buffers less). */
  blockBytesMax: 1024 * 1024 * 1024,
  /** Bytes from which on a chunk that passes whole may be copied by the service: from here on it saves a third and more
   * of what reading and staging it take; below a quarter of it, nothing (measured, see docs/benchmarks.md). It is above
   * the hole that a read goes over (`source-file.ts`). And bytes up to which such chunks that lie side by side are one
   * block; and of one block that the service copies (Put Block From URL). */
  copiedChunkBytesMin: 512 * 1024,
  joinedCopyBytesMax: 256 * 1024 * 1024,
  copiedBlockBytesMax: 4000 * 1024 * 1024,
  /** Minutes for which the address of a source is good that the service is given to copy from. */
  copyAccessMinutes: 60,
  /** Rows of one row group that we write, and of one we read: an index into a group fits 31 bits with room to spare. */
  rowGroupRowsMax: 64 * 1024 * 1024,
  /** Decoded bytes of one page; pages are around 1 MiB in practice. */
  pageBytesMax: 512 * 1024 * 1024,
  /** Decoded bytes that one column of one unit of a split may take, and one attribute, or the keys, of one entity in a
   * batch: a few kilobytes compressed can say that a megabyte of text comes again in every row. */
  columnBytesMax: 512 * 1024 * 1024,
  /** Bytes of one natural key; and of one block of a key index, which is some thousand keys. */
  keyBytesMax: 64 * 1024,
  keyBlockBytesMax: 1024 * 1024 * 1024,
  /** Bytes of the distinct keys of one list in memory: where each begins is a number of 32 bits. */
  keyTableBytesMax: 2 ** 32 - 1,
  /** Footer bytes. Spark files with thousands of groups have some tens of MB. */
  footerBytesMax: 256 * 1024 * 1024,
  /** Columns of a source file. */
  columnsMax: 10_000,
  /** Source blobs of one run. */
  sourceBlobsMax: 100_000,
  /** Named blobs from which on they are looked up in a listing, and blobs that it may show for each of them. */
  namedBlobsListedMin: 32,
  namedBlobsShownMax: 8,
  /** Wildcards of one glob: each costs a pass over every name that the source lists. */
  globWildcardsMax: 10,
  /** JSON bytes of blob names within a run's input; a longer list becomes a document in the work container. */
  selectionBytesMax: 4 * 1024,
  /** Output files of one entity that a run's view names; all are in the manifest. ADF takes 4 MB of an activity. */
  viewFilesMax: 50,
  /** Published files that a view of current rows names: beyond, a Delta table is the way to read them. */
  currentFilesMax: 100_000,
  /** Published files of one pipeline that the summary for its views and tables names: about 60 bytes each. */
  summaryFilesMax: 1_000_000,
  /** Files, transactions and commits of tables that a process keeps in memory, in all: about a kilobyte each. */
  keptTableEntriesMax: 20_000,
  /** Runs that one commit of a table makes up: their files' footers are in memory at once. */
  runsPerTableCommitMax: 100,
  /** Rows that a dry run previews of each entity, and source rows among which it looks for them. */
  previewRowsMax: 10,
  previewSourceRowsMax: 1_000,
  /** Days after a life's end in which a late request of it may still make a blob: the service drops uncommitted blocks
   * a week after the last of them. */
  lateRequestDaysMax: 8,
  /** Instances that one sweep of housekeeping looks at, so that it ends well within a function's time. */
  sweepInstancesMax: 5_000,
  /** Characters of an instance ID (Durable Task Scheduler: 100 safe ASCII characters). */
  instanceIdLengthMax: 100,
  /** Characters of a run ID: with a shard's suffix it is an instance ID (100 safe ASCII characters, DTS). */
  runIdLengthMax: 64,
  /** Lives of one run: each start after a failure is one. Four digits in names. */
  livesPerRunMax: 9_999,
  /** Characters of a life's name: a run ID, `~` and the life's number. Owners of reservations and leases are such names. */
  lifeIdLengthMax: 69,
  /** Entities, and columns of one entity, in a pipeline. */
  entitiesMax: 100,
  entityColumnsMax: 1_000,
  /** Hash partitions of one key index: each is an activity. */
  keyPartitionsMax: 64,
  /** Contiguous ranges that one reservation may consist of. */
  rangesPerReservationMax: 64,
  /** Open (neither committed nor released) reservations of one sequence. */
  openReservationsMax: 100,
  /** Finished owners that a sequence remembers, so that a late duplicate is recognised. */
  rememberedOwnersMax: 100,
  /** Contiguous ranges (free, open and remembered together) in one sequence's state: keeps it below
   * entityStateBytesMax with every owner and every number at its longest. */
  sequenceRangesMax: 512,
  /** Runs that wait for one lease: below entityStateBytesMax with every owner at its longest. */
  leaseWaitersMax: 200,
  /** Claims of runs under way in the ledger of one pipeline: its head is read and written by each of its runs. */
  ledgerClaimsMax: 1_000,
  /** Versions up to which a claim has their hashes in the ledger's head. */
  ledgerHashesMax: 16,
  /** Times that a change of a ledger's head is tried while other runs change it, before the activity is tried again. */
  ledgerTriesMax: 20,
  /** Lives that a plan asks about because they have claimed versions of its source. */
  ledgerClaimersMax: 50,
  /** Blobs of a source that a backfill cuts into runs, and runs that it cuts it into. */
  backfillBlobsMax: 2_000_000,
  backfillRunsMax: 10_000,
  /** Runs of a backfill at a time. */
  backfillAtOnceMax: 16,
  /** Runs of a backfill, of which the first has not ended, that are looked at in one step. */
  backfillWindowMax: 64,
  /** Steps of a backfill after which its orchestration goes on with an empty history. */
  backfillStepsMax: 200,
  /** Runs of a backfill that one document lists. */
  backfillPartsPerDocument: 500,
  /** Blobs that a backfill holds against the ledger at a time. */
  backfillChunkBlobs: 50_000,
  /** Characters of a backfill's ID: its runs have it, and a number. */
  backfillIdLengthMax: 58,
  /** Days for which the files of a withdrawn run stay: readers that list folders may be reading them. */
  withdrawnFilesDays: 7,
  /** Minutes that a run without a deadline waits for others: for a key index, or for room in a sequence. */
  waitMinutesMax: 24 * 60,
  /** Largest ID: a signed 64-bit integer. */
  idMax: 2n ** 63n - 1n,
} as const;
