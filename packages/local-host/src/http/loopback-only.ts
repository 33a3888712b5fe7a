/**
 * Keeps web pages from using the local host. The host listens on this machine's loopback only, but a web page in a
 * browser on this machine can send requests to it: with the page's own `Origin`, or with a host name that was made to
 * mean 127.0.0.1 (DNS rebinding), which shows in `Host`. `server.ts` calls it before anything else, for every request.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Why a request is refused; undefined when it comes from this machine's own programs or pages. */
export function refusalOf(headers: IncomingHttpHeaders): string | undefined {
  const { host, origin } = headers;
  if (host !== undefined && !isLoopback(`http://${host}`)) {
    return `This host answers as localhost only. The request was for "${host}".`;
  }
  if (origin !== undefined && !isLoopback(origin)) return `Pages of "${origin}" may not use this host.`;
  return undefined;
}

function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
