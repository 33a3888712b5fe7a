/**
 * Reads from the host's trigger data which blob an event is about. `src/registration/arrival.ts` calls it. It must not open a
 * client to the blob: only the name is needed.
 */
import { z } from 'zod';
import { OrdinalError } from '../errors.ts';

const contentSchema = z.object({ ContainerName: z.string(), BlobName: z.string() });

export interface BlobReference {
  container: string;
  name: string;
}

/**
 * Reads the blob's place from what SDK binding delivers, without making a client.
 *
 * @param data the host's model binding data, or an array that holds it.
 * @throws ZodError or SyntaxError when the data has another shape.
 */
export function blobReference(data: unknown): BlobReference {
  const one = Array.isArray(data) ? (data[0] as unknown) : data;
  const { content } = z.object({ content: z.instanceof(Uint8Array) }).parse(one);
  const { ContainerName, BlobName } = contentSchema.parse(JSON.parse(Buffer.from(content).toString('utf8')));
  return { container: ContainerName, name: BlobName };
}

const referenceSchema = z.object({ container: z.string(), name: z.string() });

/**
 * The blob's name within its container.
 *
 * @param blob what the binding delivered: a `BlobReference`, or anything else.
 * @param metadata the trigger's metadata; its `blobTrigger` is `container/name`.
 * @throws OrdinalError `Internal` when neither names the blob.
 */
export function arrivedName(blob: unknown, metadata: Record<string, unknown> | undefined, container: string): string {
  const reference = referenceSchema.safeParse(blob);
  if (reference.success) return reference.data.name;
  const path = metadata?.blobTrigger;
  if (typeof path === 'string' && path.startsWith(`${container}/`)) return path.slice(container.length + 1);
  throw new OrdinalError('Internal', 'the trigger does not say which blob it is about');
}
