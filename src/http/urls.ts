/**
 * Makes the addresses that answers carry: the host as the caller knows it, and the caller's own key. All handlers use
 * it. A key must never go to a host that only a request header names.
 */
import type { HttpRequest } from '@azure/functions';

/** A request, as far as its own address matters. */
export type Addressed = Pick<HttpRequest, 'url' | 'headers' | 'query'>;

export interface UrlSettings {
  /** Address of the API when a proxy does not say it. */
  publicUrl: string | undefined;
  /** `WEBSITE_HOSTNAME`. */
  hostname: string | undefined;
}

/** Members of a request's query that are a key, and that answers carry on. */
const KEYS = ['code', 'clientId'] as const;

/**
 * `https://host/api/` as the caller reaches it, without query. A setting is stronger than a proxy's `X-Forwarded-*`,
 * that is stronger than the request's own host, and a host that only means this machine gives way to the site's name.
 * Anybody can send `X-Forwarded-Host`: a request with a key in its query, which the answer's addresses carry, is answered
 * under its own host or the setting's, so that no key goes to a host that a header names.
 *
 * @param segments of the route that follow the API's root: `runs/{runId}` has two.
 */
export function apiRoot(request: Addressed, segments: number, settings: UrlSettings): URL {
  if (settings.publicUrl) return new URL(settings.publicUrl.replace(/\/*$/, '/'));
  const url = new URL(request.url);
  const path = url.pathname.replace(/\/+$/, '').split('/').slice(0, -segments).join('/');
  const keyed = KEYS.some((name) => request.query.get(name) !== null);
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

/** The address of a resource, with the key that the caller's own request had in its query. */
export function resourceUrl(
  root: URL,
  request: Addressed,
  path: string,
  query: Record<string, string | undefined> = {},
): string {
  const url = new URL(path, root);
  for (const name of KEYS) {
    const value = request.query.get(name);
    if (value !== null) url.searchParams.set(name, value);
  }
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** Proxies add themselves at the end of such a list. */
function first(list: string | null): string | undefined {
  return list?.split(',')[0]?.trim() || undefined;
}

function isHost(text: string): boolean {
  return /^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(text) || /^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/.test(text);
}
