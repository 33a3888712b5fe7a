/**
 * What blob triggers and blob outputs share: messages of the internal queue, trigger values and names. The other blob
 * files call it. Its forms are those of Azure's blob extension.
 */
import { createHash } from 'node:crypto';
import type { BlobServiceClient } from '@azure/storage-blob';
import type { AppFunction } from '../functions.ts';
import type { TypedData } from '../worker/protocol.ts';
import type { BlobPath } from './blob-path.ts';

/** What stands in the internal queue and, after the last try, in the poison queue. */
export interface BlobMessage {
  Type: 'BlobTrigger';
  FunctionId: string;
  BlobType: string;
  ContainerName: string;
  BlobName: string;
  ETag: string;
}

/** A blob function and what was seen for it. */
export interface BlobFunction {
  found: AppFunction;
  id: string;
  path: BlobPath;
  connection: string;
  service: BlobServiceClient;
  byEvents: boolean;
  /** Versions that have a finished receipt: `etag/name`. */
  done: Set<string>;
}

export function blobMessage(each: BlobFunction, name: string, etag: string): BlobMessage {
  return {
    Type: 'BlobTrigger',
    FunctionId: each.id,
    BlobType: 'BlockBlob',
    ContainerName: each.path.container,
    BlobName: name,
    ETag: plainEtag(etag),
  };
}

export function modelBinding(found: AppFunction, blob: BlobMessage): TypedData {
  const Connection = (found.trigger.connection as string | undefined) || 'AzureWebJobsStorage';
  const content = { Connection, ContainerName: blob.ContainerName, BlobName: blob.BlobName };
  return {
    modelBindingData: {
      version: '1.0',
      source: 'AzureStorageBlobs',
      contentType: 'application/json',
      content: Buffer.from(JSON.stringify(content)),
    },
  };
}

/** Whether the function asks for a client of the blob instead of its bytes (`sdkBinding`). */
export function bindsToClient(found: AppFunction): boolean {
  const properties = found.trigger.properties as { supportsDeferredBinding?: string } | undefined;
  return properties?.supportsDeferredBinding === 'true' || found.trigger.sdkBinding === true;
}

export interface ShownProperties {
  lastModified?: Date;
  contentLength?: number;
  contentType?: string;
  etag?: string;
  blobType?: string;
}

export function shownProperties(properties: ShownProperties): object {
  return {
    LastModified: properties.lastModified?.toISOString(),
    ContentLength: properties.contentLength,
    ContentType: properties.contentType,
    ETag: properties.etag,
    BlobType: properties.blobType,
  };
}

/** A stable ID for the host of the app in this folder. */
export function hostIdOf(scriptRoot: string, env: Record<string, string>): string {
  return (
    env.AzureFunctionsWebHost__hostid ?? `local-${createHash('sha256').update(scriptRoot).digest('hex').slice(0, 16)}`
  );
}

export function plainEtag(etag: string | undefined): string {
  return (etag ?? '').replace(/^W\//, '').replaceAll('"', '');
}
