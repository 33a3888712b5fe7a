/**
 * Writes blob output bindings after a function has returned. The host calls it after every invocation, whatever
 * triggered it. A blob that cannot be written must fail the invocation.
 */
import { randomUUID } from 'node:crypto';
import { connectionOf } from '../connection.ts';
import type { AppFunction } from '../functions.ts';
import type { Invocation, InvocationResult, TypedData } from '../worker/protocol.ts';

/**
 * Writes the blobs of one invocation. @throws when a path has a parameter that nobody gives, or the storage refuses.
 */
export async function writeBlobOutputs(
  found: AppFunction,
  invocation: Invocation,
  result: InvocationResult,
  env: Record<string, string>,
): Promise<void> {
  for (const [key, binding] of Object.entries(found.metadata.bindings)) {
    if (binding.type.toLowerCase() !== 'blob' || binding.direction !== 'out') continue;
    const given = key === '$return' ? result.returnValue : result.outputData.find(({ name }) => name === key)?.data;
    const content = given && contentOf(given);
    if (content === undefined) continue;
    const [container = '', ...name] = blobPathOf(String(binding.path ?? ''), bindingData(found, invocation)).split('/');
    if (container === '' || name.length === 0) throw new Error(`'${binding.path}' names no container and blob.`);
    const { BlobServiceClient } = await import('@azure/storage-blob');
    const service = BlobServiceClient.fromConnectionString(connectionOf(env, String(binding.connection ?? '')));
    const client = service.getContainerClient(container);
    await client.createIfNotExists();
    await client.getBlockBlobClient(name.join('/')).uploadData(content);
  }
}

/** Puts values into a path such as `backups/{name}`. @throws Error when a parameter has no value. */
export function blobPathOf(path: string, data: ReadonlyMap<string, string>): string {
  return path.replace(/\{([^{}]+)\}/g, (_, parameter: string) => {
    const name = parameter.toLowerCase();
    if (name === 'rand-guid') return randomUUID();
    if (name === 'datetime') return new Date().toISOString();
    const value = data.get(name);
    if (value === undefined)
      throw new Error(`The path '${path}' has the parameter '${parameter}', and nothing gives it.`);
    return value;
  });
}

/**
 * The values that a path may name: properties of the trigger's value, route parameters and trigger metadata. Case is
 * ignored.
 */
export function bindingData({ trigger }: AppFunction, invocation: Invocation): Map<string, string> {
  const data = new Map<string, string>();
  const add = (values: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(values)) {
      if (typeof value === 'string' || typeof value === 'number') data.set(name.toLowerCase(), String(value));
    }
  };
  const value = invocation.inputs.find(({ name }) => name === trigger.name)?.data;
  const http = value?.http as { nullableParams?: Record<string, { value: string }> } | undefined;
  add(Object.fromEntries(Object.entries(http?.nullableParams ?? {}).map(([name, each]) => [name, each.value])));
  add(jsonObject(value?.string ?? value?.json));
  for (const [name, each] of Object.entries(invocation.triggerMetadata)) add({ [name]: each.string });
  return data;
}

function jsonObject(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function contentOf(data: TypedData): Buffer | undefined {
  if (data.bytes !== undefined) return Buffer.from(data.bytes);
  const text = data.string ?? data.json ?? data.int ?? data.double;
  return text === undefined ? undefined : Buffer.from(String(text));
}
