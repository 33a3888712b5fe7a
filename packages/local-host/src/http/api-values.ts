/**
 * Reads and writes values of the durable HTTP API as the extension 3.19.0 does: it ignores what it cannot read in a
 * query. `durable-api.ts` calls it. It decides nothing.
 */
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

/**
 * The input that an orchestration is started with. @throws ClientError 400, or UnfinishedJson for a text that breaks
 * off.
 */
export function startInput(body: Buffer): string | null {
  if (body.length === 0) return null;
  const text = body.toString('utf8');
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const at = Number(/at position (\d+)/.exec(message)?.[1] ?? Number.NaN);
    const inString = /unterminated string/i.test(message);
    if (!inString && (/unexpected end/i.test(message) || at >= text.length)) throw new UnfinishedJson();
    throw new ClientError(400, message, 'Invalid JSON content');
  }
}

/** JSON that breaks off. The extension answers it with 500 and other bad JSON with 400. */
export class UnfinishedJson extends Error {}

export function flag(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const value = query.get(name)?.trim().toLowerCase();
  return value === 'true' || (value === 'false' ? false : fallback);
}

export function time(query: URLSearchParams, name: string): number | undefined {
  const value = Date.parse(query.get(name) ?? '');
  return Number.isNaN(value) ? undefined : value;
}

/** The statuses that a list names as the extension writes them; undefined when there is none. */
export function statusList(text: string | null): RuntimeStatus[] | undefined {
  const parts = (text ?? '').split(',').map((part) => part.trim());
  const found = runtimeStatuses.filter((status) => parts.includes(status));
  return found.length === 0 ? undefined : found;
}

export function pageSize(query: URLSearchParams): number {
  const size = Number(query.get('top') ?? pageSizeDefault);
  return Number.isInteger(size) && size >= 1 ? size : pageSizeDefault;
}

export function encodeToken(id: string): string {
  return Buffer.from(JSON.stringify({ after: id })).toString('base64url');
}

/** Where the list continues: `{}` for its beginning, and `nowhere` for a token that this host has not made. */
export function decodeToken(header: string | string[] | undefined): { after?: string } | 'nowhere' {
  if (header === undefined || header === '') return {};
  try {
    const { after } = JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8')) as { after: unknown };
    return typeof after === 'string' ? { after } : 'nowhere';
  } catch {
    return 'nowhere';
  }
}
