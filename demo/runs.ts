/**
 * The client side of a run: start it over HTTP, follow it until it ends. The demo calls it. It must use the HTTP API
 * alone.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunView } from '../src/view/run-view-schema.ts';
import { DemoError } from './errors.ts';

export interface RunFile {
  /** Blob name in the container of published data. */
  blob: string;
  rows: number;
  bytes: number;
}

export interface RunEntity {
  entity: string;
  rows: number;
  files: RunFile[];
  bytes: number;
  /** Decimal text; null when the run added no rows. */
  firstId: string | null;
  lastId: string | null;
}

export interface RunError {
  code: string;
  message: string;
  where?: Record<string, unknown>;
  remedy?: string;
}

export interface RunStatus extends Pick<RunView, 'status' | 'phase' | 'batches' | 'rows' | 'tasks'> {
  runId: string;
  pipeline: string;
  entities?: RunEntity[];
  manifest?: string;
  error?: RunError;
}

function describe(error: RunError): string {
  const where = error.where ? ` at ${JSON.stringify(error.where)}` : '';
  return `${error.code}: ${error.message}${where}${error.remedy ? `. ${error.remedy}` : ''}`;
}

/** A request whose answer must be a JSON object. Throws DemoError for any answer but 2xx. */
async function request(url: string, init: RequestInit): Promise<Record<string, unknown>> {
  const method = init.method ?? 'GET';
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw init.signal.reason;
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new DemoError(`${method} ${url} failed${cause}`);
  }
  const text = await response.text();
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new DemoError(`${method} ${url} answered ${response.status} without a JSON object: ${text.slice(0, 200)}`);
  }
  if (!response.ok) {
    const error = (body.error ?? body) as RunError;
    throw new DemoError(`${method} ${url} answered ${response.status}: ${describe(error)}`);
  }
  return body;
}

/** Starts a run. `base` is the host's address without a trailing slash. */
export async function startRun(
  base: string,
  pipeline: string,
  body: { runId?: string; prefix?: string },
  signal: AbortSignal,
): Promise<{ runId: string; statusUrl: string }> {
  const answer = await request(`${base}/api/pipelines/${pipeline}/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  return { runId: String(answer.runId), statusUrl: new URL(String(answer.statusUrl), base).href };
}

export interface FollowOptions {
  signal: AbortSignal;
  onStatus: (status: RunStatus) => void;
  /** Milliseconds between two looks. @default 150 */
  everyMs?: number;
  /** Milliseconds without any change after which the run counts as stuck. @default 60000 */
  stallMs?: number;
}

/** Follows a run to its end and returns its last status. Throws DemoError when it fails or stands still. */
export async function followRun(statusUrl: string, options: FollowOptions): Promise<RunStatus> {
  const stallMs = options.stallMs ?? 60_000;
  let last = '';
  let changedAt = performance.now();
  for (;;) {
    const status = (await request(statusUrl, { signal: options.signal })) as unknown as RunStatus;
    options.onStatus(status);
    if (status.status === 'Completed') return status;
    if (status.status === 'Failed' || status.status === 'Terminated') {
      const why = status.error ? describe(status.error) : 'no error was given';
      throw new DemoError(`run ${status.runId} ended as ${status.status} in phase ${status.phase}: ${why}`);
    }
    const now = JSON.stringify(status);
    if (now !== last) changedAt = performance.now();
    last = now;
    if (performance.now() - changedAt > stallMs) {
      throw new DemoError(`run ${status.runId} has stood still in phase ${status.phase} for ${stallMs / 1000} s`);
    }
    await delay(options.everyMs ?? 150, undefined, { signal: options.signal });
  }
}
