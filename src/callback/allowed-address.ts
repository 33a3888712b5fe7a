/**
 * Decides which addresses a run may call back. `src/http/start.ts` checks an address when a run is started, and
 * `activity.ts` checks it again before the call. The app calls from inside its own network, so a caller who could
 * choose any address could reach services that it must not reach. Only HTTPS to a listed host on the default port is
 * allowed.
 */
import { OrdinalError } from '../errors.ts';

export interface CallBackSettings {
  /** Lower-case host names; `*.` stands for any names before it. */
  hosts: readonly string[];
  /** Whether `http://` on this machine's loopback is allowed too, for tests. */
  loopback: boolean;
}

/** @throws OrdinalError `InvalidRequest` for an address that is not allowed. */
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
