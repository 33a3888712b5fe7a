/**
 * DuckDB from blob to blob: the source is fetched in parallel ranges, split as in `duckdb.ts`, and each file goes up in
 * parallel blocks as soon as it is written. (DuckDB's own extension for Azure is not on npm.)
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import type { Contestant, Work } from './contestant.ts';
import { openSplit } from './duckdb.ts';

const blockSize = 4 * 1024 * 1024;
const concurrency = 8;

/** `work.source` is `<container>/<blob>`. */
export async function open(work: Work): Promise<Contestant> {
  const service = BlobServiceClient.fromConnectionString(work.storage!);
  const [container, ...blob] = work.source.split('/');
  const source = service.getContainerClient(container!).getBlobClient(blob.join('/'));
  const target = service.getContainerClient('duckdb');
  await target.createIfNotExists();
  const split = await openSplit(work);
  return {
    async run(folder) {
      const local = path.join(folder, 'source.parquet');
      const bytes = await source.downloadToBuffer(0, undefined, { blockSize, concurrency });
      await fs.writeFile(local, bytes);
      let bytesWritten = 0;
      let requests = Math.ceil(bytes.byteLength / blockSize) + 1;
      const uploads: Promise<unknown>[] = [];
      const files = await split.run(local, folder, (entity, file) => {
        const upload = async () => {
          const { size } = await fs.stat(file);
          bytesWritten += size;
          // Below the size of a block it is one request; above, the blocks and their list.
          requests += size <= blockSize ? 1 : Math.ceil(size / blockSize) + 1;
          const options = { blockSize, concurrency, maxSingleShotSize: blockSize };
          await target.getBlockBlobClient(`${entity}.parquet`).uploadFile(file, options);
        };
        uploads.push(upload());
      });
      await Promise.all(uploads);
      return { files, bytesRead: bytes.byteLength, bytesWritten, requests };
    },
  };
}
