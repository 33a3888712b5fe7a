/**
 * Which addresses a run may call back. The app calls from inside its network, with its identity's reach: an address
 * that a caller could choose freely would let it knock at any door. So HTTPS, a listed host, the default port.
 */
import { OrdinalError } from '../errors.ts';

export interface CallBackSettings {
  /** Lower-case host names; `*.` stands for any names before it. */
  hosts: readonly string[];
  /** Also `http://` on this machine's loopback. */
  loopback: boolean;
}

/** Throws `InvalidRequest` for an address that is not allowed. */
export function checkCallBack({ hosts, loopback }: CallBackSettings, uri: string): void {
  const url = new URL(uri);
  if (loopback && url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) return;
  const refusal =
    url.protocol !== 'https:'
      ? 'is not HTTPS'
      : url.username !== '' || url.password !== ''
        ? 'holds a user name or password'
        : url.port !== ''
          ? 'names a port'
          : hosts.some((host) => hostMatches(host, url.hostname))
            ? undefined
            : `has a host that is not allowed: "${url.hostname}"`;
  if (refusal === undefined) return;
  throw new OrdinalError('InvalidRequest', `callBackUri: ${refusal}`, {
    where: { field: 'callBackUri' },
    remedy: `Use HTTPS to one of: ${hosts.join(', ') || 'no host'} (setting ORDINAL_CALLBACK_HOSTS).`,
  });
}

function hostMatches(allowed: string, host: string): boolean {
  if (!allowed.startsWith('*.')) return host === allowed;
  const suffix = allowed.slice(1);
  return host.endsWith(suffix) && host.length > suffix.length;
}
