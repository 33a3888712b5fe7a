/**
 * Makes the addresses that answers carry: the host as the caller knows it, and the caller's own key. All handlers use
 * it. A key must never go to a host that only a request header names.
 */
import type { HttpRequest } from '@azure/functions';

/** The parts of a request from which its address is computed. */
export type Addressed = Pick<HttpRequest, 'url' | 'headers' | 'query'>;

export interface UrlSettings {
  /** Address of the API, for a proxy that does not forward it. */
  publicUrl: string | undefined;
  /** `WEBSITE_HOSTNAME`. */
  hostname: string | undefined;
}

/** Query parameters that carry a key. Addresses in answers carry them too. */
export const keyNames: readonly string[] = ['code', 'clientId'];

/**
 * The API's root as the caller reaches it, such as `https://host/api/`, without query. The setting wins over a proxy's
 * `X-Forwarded-*`, which wins over the request's own host; the site's name replaces a host that only means this
 * machine. Anybody can send `X-Forwarded-Host`. So for a request with a key in its query that header is ignored: the
 * addresses of the answer carry the key, and a key must not go to a host that a header names.
 *
 * @param segments number of the route's segments after the API's root: `runs/{runId}` has two.
 */
export function apiRoot(request: Addressed, segments: number, settings: UrlSettings): URL {
  if (settings.publicUrl) return new URL(settings.publicUrl.replace(/\/*$/, '/'));
  const url = new URL(request.url);
  const path = url.pathname.replace(/\/+$/, '').split('/').slice(0, -segments).join('/');
  const keyed = keyNames.some((name) => request.query.get(name) !== null);
  const forwarded = keyed ? undefined : first(request.headers.get('x-forwarded-host'));
  if (forwarded && isHost(forwarded)) {
    const proto = first(request.headers.get('x-forwarded-proto'));
    url.host = forwarded;
    if (!/:\d+$/.test(forwarded)) url.port = '';
    if (proto === 'https' || proto === 'http') url.protocol = proto;
  } else if (settings.hostname && ['0.0.0.0', '[::]'].includes(url.hostname)) {
    url.host = settings.hostname;
  }
  return new URL(`${path}/`, url.origin);
}

/** The address of a resource, with the key from the query of the caller's own request. */
export function resourceUrl(
  root: URL,
  request: Addressed,
  path: string,
  query: Record<string, string | undefined> = {},
): string {
  const url = new URL(path, root);
  for (const name of keyNames) {
    const value = request.query.get(name);
    if (value !== null) url.searchParams.set(name, value);
  }
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** The first entry of a list. Proxies add themselves at its end. */
function first(list: string | null): string | undefined {
  return list?.split(',')[0]?.trim() || undefined;
}

function isHost(text: string): boolean {
  return /^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(text) || /^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/.test(text);
}
