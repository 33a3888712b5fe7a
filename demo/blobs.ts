/**
 * What the demo asks of Blob Storage as an outsider: put a file, list a folder, fetch a file. The demo calls it. It
 * must use nothing of `src/`: it is what a user would write.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';

export interface ListedBlob {
  name: string;
  bytes: number;
  etag: string;
}

export class DemoBlobs {
  readonly #service: BlobServiceClient;

  /** @param connectionString as in the app's settings */
  constructor(connectionString: string) {
    this.#service = BlobServiceClient.fromConnectionString(connectionString);
  }

  /** Address of a container. */
  address(container: string): string {
    return this.#service.getContainerClient(container).url;
  }

  async upload(container: string, name: string, file: string, abortSignal: AbortSignal): Promise<void> {
    const client = this.#service.getContainerClient(container);
    await client.createIfNotExists({ abortSignal });
    await client.getBlockBlobClient(name).uploadFile(file, { abortSignal });
  }

  async list(container: string, prefix: string, abortSignal: AbortSignal): Promise<ListedBlob[]> {
    const blobs: ListedBlob[] = [];
    for await (const item of this.#service.getContainerClient(container).listBlobsFlat({ prefix, abortSignal })) {
      blobs.push({ name: item.name, bytes: item.properties.contentLength ?? 0, etag: item.properties.etag ?? '' });
    }
    return blobs;
  }

  /** Fetches a blob into a folder under its own name, and returns the path. */
  async download(container: string, name: string, folder: string, abortSignal: AbortSignal): Promise<string> {
    const file = path.join(folder, ...name.split('/'));
    await mkdir(path.dirname(file), { recursive: true });
    await this.#service
      .getContainerClient(container)
      .getBlobClient(name)
      .downloadToFile(file, 0, undefined, { abortSignal });
    return file;
  }
}
