/**
 * Checks the keys of requests when authentication is on (`--enable-auth`). `server.ts` calls it. Keys must be compared
 * in constant time.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The keys that requests need when authentication is on (`--enable-auth`). */
export interface HostKeys {
  master: string;
  /** The host key, good for every function. */
  host: string;
  /** Keys of single functions, by function name in lower case. */
  functions: Record<string, string>;
  /** The system key of the durable task webhooks. */
  durable: string;
}

/** The key of a request. The header wins over the query. */
export function requestKey(request: IncomingMessage, url: URL): string {
  const header = request.headers['x-functions-key'];
  return (Array.isArray(header) ? header[0] : header) ?? url.searchParams.get('code') ?? '';
}

/** Whether `key` opens a function of this level (`H/…/AuthenticationLevelHandler.cs`). */
export function mayInvoke(keys: HostKeys, level: string, functionName: string, key: string): boolean {
  switch (level.toLowerCase()) {
    case 'anonymous':
      return true;
    case 'admin':
      return same(key, keys.master);
    default:
      return [keys.master, keys.host, keys.functions[functionName.toLowerCase()]].some((each) => same(key, each));
  }
}

export function mayUseWebhooks(keys: HostKeys, key: string): boolean {
  return same(key, keys.durable) || same(key, keys.master);
}

function same(given: string, expected: string | undefined): boolean {
  if (given === '' || expected === undefined || expected === '') return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
