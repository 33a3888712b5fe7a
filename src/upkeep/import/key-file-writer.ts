/**
 * The keys of an import as one Parquet file, row group by row group: what the rebuild of an index and the verifier read.
 * The import of keys calls it. Nobody sees the file before `finish`.
 */
import { crcOf, crcText, joinCrc } from '../../bytes/crc32.ts';
import type { PublishedFile } from '../../documents/manifest.ts';
import { keysToValues } from '../../keys/encode.ts';
import type { KeyTable } from '../../keys/table.ts';
import { encodeColumn } from '../../parquet/encode.ts';
import { CREATED_BY, MAGIC, placeChunk, writeFooter } from '../../parquet/index.ts';
import type { ChunkMeta, Column, ColumnType, Values } from '../../parquet/types.ts';
import { blockId } from '../../storage/names.ts';
import type { BlobStore } from '../../storage/store.ts';

const idType: ColumnType = { physical: 'INT64' };

export class KeyFileWriter {
  readonly #store: BlobStore;
  readonly #container: string;
  readonly #blob: string;
  readonly #leaves: { name: string; type: ColumnType; optional: boolean }[];
  readonly #types: readonly ColumnType[];
  readonly #groups: { rows: number; chunks: ChunkMeta[] }[] = [];
  readonly #blocks: string[] = [];
  #offset = MAGIC.length;
  #crc = crcOf([MAGIC]);
  #least: bigint | undefined;
  #largest: bigint | undefined;

  /** `names` and `types` are those of the key's components. */
  constructor(
    { store, container, blob }: { store: BlobStore; container: string; blob: string },
    idName: string,
    names: readonly string[],
    types: readonly ColumnType[],
  ) {
    this.#store = store;
    this.#container = container;
    this.#blob = blob;
    this.#types = types;
    this.#leaves = [
      { name: idName, type: idType, optional: false },
      ...names.map((name, c) => ({ name, type: types[c]!, optional: false })),
    ];
  }

  /** Adds the keys of a table, with their IDs by ordinal, as one row group. */
  async add(keys: KeyTable, ids: BigInt64Array): Promise<void> {
    if (keys.size === 0) return;
    for (const id of ids) {
      if (this.#least === undefined || id < this.#least) this.#least = id;
      if (this.#largest === undefined || id > this.#largest) this.#largest = id;
    }
    const own: Values = { kind: 'int64', length: ids.length, data: ids };
    const columns = [own, ...keysToValues(keys, this.#types)].map(
      (values): Column => ({ form: 'plain', rows: ids.length, nulls: 0, values, valid: undefined }),
    );
    const chunks = columns.map((column, c) => encodeColumn(column, this.#leaves[c]!.type, false, 'ZSTD'));
    const parts = chunks.flatMap((chunk) => chunk.parts);
    const placed = chunks.map(({ meta }) => {
      const chunk = placeChunk({ meta }, this.#offset);
      this.#offset += meta.length;
      return chunk;
    });
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
    this.#crc = joinCrc(this.#crc, crcOf(parts), length);
    const id = blockId(0, this.#groups.length, 0);
    await this.#store.stageBlock(this.#container, this.#blob, id, parts);
    this.#blocks.push(id);
    this.#groups.push({ rows: ids.length, chunks: placed });
  }

  /** Writes the footer, and the file is there. */
  async finish(keyValues: Record<string, string>): Promise<PublishedFile> {
    const rows = this.#groups.reduce((sum, group) => sum + group.rows, 0);
    const foot = writeFooter({ leaves: this.#leaves, rowGroups: this.#groups, rows, keyValues, createdBy: CREATED_BY });
    const [head, tail] = [blockId(0, 0, 'head'), blockId(0, 0, 'foot')];
    await this.#store.stageBlock(this.#container, this.#blob, head, [MAGIC]);
    await this.#store.stageBlock(this.#container, this.#blob, tail, [foot]);
    const options = { contentType: 'application/vnd.apache.parquet' };
    await this.#store.commitBlocks(this.#container, this.#blob, [head, ...this.#blocks, tail], options);
    return {
      blob: this.#blob,
      rows,
      bytes: this.#offset + foot.byteLength,
      crc32: crcText(joinCrc(this.#crc, crcOf([foot]), foot.byteLength)),
      firstId: this.#least === undefined ? null : String(this.#least),
      lastId: this.#largest === undefined ? null : String(this.#largest),
    };
  }
}
