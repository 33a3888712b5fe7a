/**
 * Looks for new blobs and announces each one to the internal queue. `blob.ts` calls it. One version of a blob must fire
 * only once: a receipt records it, whatever process dies in between.
 */
import type { ContainerClient } from '@azure/storage-blob';
import { type BlobFunction, type BlobMessage, blobMessage, plainEtag } from './blob-values.ts';

export interface BlobScanOptions {
  functions: readonly BlobFunction[];
  receipts: ContainerClient;
  hostId: string;
  now: () => number;
  /** Puts a message into the internal queue. */
  announce: (message: BlobMessage) => Promise<void>;
  isStopped: () => boolean;
}

/** Blobs that are announced at the same time: each takes three requests, one after the other. */
const announcedAtOnceMax = 16;

/**
 * Looks for blobs that have no finished receipt, writes their message to the queue and then finishes the receipt. So
 * one version of a blob fires once, whatever process dies in between.
 */
export async function scanBlobs(options: BlobScanOptions): Promise<void> {
  for (const each of options.functions) if (!each.byEvents) await scan(options, each);
}

async function scan(options: BlobScanOptions, each: BlobFunction): Promise<void> {
  const container = each.service.getContainerClient(each.path.container);
  const underWay = new Set<Promise<void>>();
  let trouble: unknown;
  try {
    for await (const { name, properties } of container.listBlobsFlat({ prefix: each.path.prefix })) {
      if (options.isStopped() || trouble !== undefined) break;
      const etag = plainEtag(properties.etag);
      const version = `${etag}/${name}`;
      if (each.done.has(version) || each.path.match(name) === undefined) continue;
      const announcement = announce(options, each, name, etag)
        .then(() => void each.done.add(version))
        .catch((error: unknown) => {
          trouble ??= error;
        })
        .finally(() => underWay.delete(announcement));
      underWay.add(announcement);
      if (underWay.size >= announcedAtOnceMax) await Promise.race(underWay);
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'ContainerNotFound') trouble ??= error;
  }
  await Promise.all(underWay);
  if (trouble !== undefined) throw trouble;
}

async function announce(options: BlobScanOptions, each: BlobFunction, name: string, etag: string): Promise<void> {
  const path = `blobreceipts/${options.hostId}/${each.id}/"${etag}"/${each.path.container}/${name}`;
  const receipt = options.receipts.getBlockBlobClient(path);
  try {
    await receipt.upload('', 0, { conditions: { ifNoneMatch: '*' } });
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 409) throw error;
    const { metadata } = await receipt.getProperties();
    if (metadata?.completed !== undefined) return;
  }
  await options.announce(blobMessage(each, name, etag));
  await receipt.setMetadata({ completed: new Date(options.now()).toISOString().replaceAll(/[:.]/g, '-') });
}
