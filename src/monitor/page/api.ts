/**
 * The one door from the page to the HTTP API. All pages call it. The key goes in a header and is kept for this tab only;
 * it must never be in an address. An answer that has not changed is the very same object as before.
 */

/** The API's root: the page's script lies below it, in `monitor/`. */
export const apiRoot = new URL(import.meta.url).href.replace(/(monitor\/)+[^/]*$/, '');

const KEY = 'ordinal-key';

/** An error as the API words it. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  remedy?: string | undefined;
  errors?: { field: string; message: string }[] | undefined;
}

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Called when the API refuses the key, or wants one. */
let onRefused: (hadKey: boolean) => void = () => {};

export function whenRefused(call: (hadKey: boolean) => void): void {
  onRefused = call;
}

export function setKey(key: string): void {
  known.clear();
  if (key === '') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

/** A key that someone has put into the page's address is taken out of it at once. */
export function takeKeyFromAddress(): void {
  const url = new URL(location.href);
  const key = url.searchParams.get('code');
  if (key === null) return;
  url.searchParams.delete('code');
  history.replaceState(null, '', url);
  // A header takes no other characters.
  if (!hasKey() && /^[!-~]+$/.test(key)) setKey(key);
}

interface Known {
  etag: string;
  value: unknown;
}

/** The last answers, by path. */
const known = new Map<string, Known>();
const KNOWN_MAX = 60;

/** Asks for a resource. @throws ApiError for every answer but a success. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const before = known.get(path);
  const response = await ask(path, { ...(signal && { signal }) }, before && { 'if-none-match': before.etag });
  if (response.status === 304 && before) return before.value as T;
  const value: unknown = await response.json();
  const etag = response.headers.get('etag');
  if (etag) {
    known.delete(path);
    known.set(path, { etag, value });
    const [oldest] = known.keys();
    if (known.size > KNOWN_MAX && oldest !== undefined) known.delete(oldest);
  }
  return value as T;
}

/** Sends a request that changes something. */
export async function post<T>(path: string, body: object = {}): Promise<T> {
  const response = await ask(
    path,
    { method: 'POST', body: JSON.stringify(body) },
    { 'content-type': 'application/json' },
  );
  return (await response.json()) as T;
}

/** What the app's clock is ahead of the browser's, in milliseconds: a run's times are by the app's. */
let ahead = 0;

/** The present time by the app's clock, to a second or two. */
export function appNow(): number {
  return Date.now() + ahead;
}

function noteClock(date: string | null): void {
  const said = Date.parse(date ?? '');
  const off = said - Date.now();
  // The header has whole seconds, so that a small difference says nothing.
  if (!Number.isNaN(said)) ahead = Math.abs(off) > 2_000 ? off : 0;
}

/** An answer that takes longer does not come: the service itself gives up before. */
const ANSWER_MS_MAX = 240_000;

async function ask(path: string, init: RequestInit, headers: Record<string, string> = {}): Promise<Response> {
  const late = AbortSignal.timeout(ANSWER_MS_MAX);
  const key = sessionStorage.getItem(KEY);
  const response = await fetch(new URL(path, apiRoot), {
    ...init,
    signal: init.signal ? AbortSignal.any([init.signal, late]) : late,
    headers: { ...headers, ...(key !== null && { 'x-functions-key': key }) },
    // The cookie of App Service authentication, where that stands before the app.
    credentials: 'same-origin',
    redirect: 'manual',
    cache: 'no-store',
    referrerPolicy: 'no-referrer',
  }).catch((thrown: unknown) => {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
    throw new ApiError({
      status: 0,
      code: 'Unreachable',
      detail: 'The app does not answer.',
      remedy: 'See whether it runs. This page tries again.',
    });
  });
  noteClock(response.headers.get('date'));
  if (response.ok || response.status === 304) return response;
  // App Service authentication sends a request without a session away, or names its scheme. The app itself does neither.
  if (response.type === 'opaqueredirect' || (response.status === 401 && response.headers.has('www-authenticate'))) {
    throw new ApiError({
      status: 401,
      code: 'SignedOut',
      detail: 'Your sign-in to this app has ended.',
      remedy: 'Load this page again to sign in.',
    });
  }
  if (response.status === 401) onRefused(key !== null);
  throw new ApiError(await problemOf(response));
}

async function problemOf(response: Response): Promise<Problem> {
  const { status } = response;
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { status, code: String(body.code), detail: String(body.detail), remedy: body.remedy, errors: body.errors };
  } catch {
    if (status === 401) return { status, code: 'Unauthorized', detail: 'The app wants a function key.' };
    return { status, code: `HTTP ${status}`, detail: 'The app gave an answer that is not its own.' };
  }
}
