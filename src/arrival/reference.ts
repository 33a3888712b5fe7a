/**
 * Reads from the host's trigger data which blob an event is about. `functions/arrival.ts` calls it. It must not open a
 * client to the blob: only the name is needed.
 */
import { z } from 'zod';
import { OrdinalError } from '../errors.ts';

const contentSchema = z.object({ ContainerName: z.string(), BlobName: z.string() });

export interface BlobReference {
  container: string;
  name: string;
}

/** What SDK binding delivers, without a client being made of it. Throws `Internal` for what is no such reference. */
export function blobReference(data: unknown): BlobReference {
  const one = Array.isArray(data) ? (data[0] as unknown) : data;
  const { content } = z.object({ content: z.instanceof(Uint8Array) }).parse(one);
  const { ContainerName, BlobName } = contentSchema.parse(JSON.parse(Buffer.from(content).toString('utf8')));
  return { container: ContainerName, name: BlobName };
}

const referenceSchema = z.object({ container: z.string(), name: z.string() });

/** The blob's name within its container. The trigger's path says it too: `container/name`. */
export function arrivedName(blob: unknown, metadata: Record<string, unknown> | undefined, container: string): string {
  const reference = referenceSchema.safeParse(blob);
  if (reference.success) return reference.data.name;
  const path = metadata?.blobTrigger;
  if (typeof path === 'string' && path.startsWith(`${container}/`)) return path.slice(container.length + 1);
  throw new OrdinalError('Internal', 'the trigger does not say which blob it is about');
}
