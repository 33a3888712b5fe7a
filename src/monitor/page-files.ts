/**
 * Serves the monitor page: its files as `npm run build` has made them, with a strict policy. `src/registration/monitor.ts`
 * registers it. The page holds no data and no key, so it is open to everybody; whatever it shows, it asks of the API.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { HttpRequest, HttpResponseInit } from '@azure/functions';

/** Where the build puts the page's files: beside this file. */
const folder = new URL('./static/', import.meta.url);

/** What the page may do: load its own files and ask its own origin, and nothing else. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const headers = {
  'content-security-policy': pagePolicy,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

interface PageFile {
  bytes: Uint8Array;
  gzipped: Uint8Array;
  type: string;
  etag: string;
  /** The name has a digest of the content, so a name never changes its content. */
  lasting: boolean;
}

let opened: Promise<Map<string, PageFile>> | undefined;

/** The page's files by name. Read once; a read that failed is tried again. */
async function pageFiles(): Promise<Map<string, PageFile>> {
  opened ??= readFiles();
  try {
    return await opened;
  } catch (thrown) {
    opened = undefined;
    throw thrown;
  }
}

async function readFiles(): Promise<Map<string, PageFile>> {
  const names = (await readdir(folder)).filter((name) => types[extensionOf(name)] !== undefined);
  const files = await Promise.all(
    names.map(async (name): Promise<[string, PageFile]> => {
      const bytes = new Uint8Array(await readFile(new URL(name, folder)));
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      const lasting = /-[\w-]{8}\.\w+$/.test(name);
      return [name, { bytes, gzipped: gzipSync(bytes), type: types[extensionOf(name)]!, etag, lasting }];
    }),
  );
  return new Map(files);
}

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/**
 * Answers with one of the page's files.
 *
 * @param path what follows `monitor` in the address. Only its last part counts, because the page's own addresses are
 *   relative: below `/api/monitor/` they have one part more than below `/api/monitor`.
 */
export async function servePage(request: Pick<HttpRequest, 'headers'>, path: string): Promise<HttpResponseInit> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const files = await pageFiles();
  const wanted = name === '' || name === 'monitor' ? 'index.html' : name;
  const file = files.get(wanted);
  if (!file) {
    return {
      status: 404,
      headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
      body: 'There is no such file.\n',
    };
  }
  const caching = {
    etag: file.etag,
    'cache-control': file.lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'accept-encoding',
  };
  if (request.headers.get('if-none-match')?.replace(/^W\//, '') === file.etag) {
    return { status: 304, headers: { ...headers, ...caching } };
  }
  const gzip = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '');
  return {
    status: 200,
    headers: { ...headers, ...caching, 'content-type': file.type, ...(gzip && { 'content-encoding': 'gzip' }) },
    body: gzip ? file.gzipped : file.bytes,
  };
}
