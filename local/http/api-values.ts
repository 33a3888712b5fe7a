import { ClientError } from '../engine/client.ts';
import { type InstanceRecord, type RuntimeStatus, runtimeStatuses } from '../engine/model.ts';

const pageSizeDefault = 100;

/** An instance's status as the API shows it: times to the second, payloads parsed where they are JSON. */
export function statusBody(record: InstanceRecord, showInput: boolean): Record<string, unknown> {
  return {
    name: record.name,
    instanceId: record.instanceId,
    runtimeStatus: record.status,
    input: showInput ? parsed(record.input) : null,
    customStatus: parsed(record.customStatus),
    output: parsed(record.output),
    createdTime: seconds(record.createdAt),
    lastUpdatedTime: seconds(record.updatedAt),
  };
}

function seconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

export function parsed(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function jsonText(body: Buffer): string {
  const text = body.toString('utf8');
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    throw new ClientError(400, 'Invalid JSON content');
  }
}

export function flag(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const value = query.get(name);
  return value === null ? fallback : value.toLowerCase() === 'true';
}

export function time(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Date.parse(text);
  if (Number.isNaN(value)) throw new ClientError(400, `'${name}' is not a date.`);
  return value;
}

export function statusList(text: string | null): RuntimeStatus[] | undefined {
  if (text === null || text === '') return undefined;
  return text.split(',').map((part) => {
    const found = runtimeStatuses.find((status) => status.toLowerCase() === part.trim().toLowerCase());
    if (found === undefined) throw new ClientError(400, `'${part}' is not a runtime status.`);
    return found;
  });
}

export function pageSize(query: URLSearchParams): number {
  const top = query.get('top');
  if (top === null) return pageSizeDefault;
  const size = Number(top);
  if (!Number.isInteger(size) || size < 1) throw new ClientError(400, "'top' is not a positive number.");
  return size;
}

export function encodeToken(id: string): string {
  return Buffer.from(JSON.stringify({ after: id })).toString('base64url');
}

export function decodeToken(header: string | string[] | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  try {
    const { after } = JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8')) as { after: string };
    return after;
  } catch {
    throw new ClientError(400, 'The continuation token is not one of this host.');
  }
}
