/**
 * Answers 304 to a caller who has the answer already. `src/registration/http.ts` calls it for every answer, so that a page that
 * polls moves no bytes while nothing changes. An answer is still made anew each time: the tag is of its bytes.
 */
import { createHash } from 'node:crypto';
import type { HttpRequest, HttpResponseInit } from '@azure/functions';

/** Adds the tag of a GET's 200, and leaves the body out where the caller named the same tag. */
export function withTag(request: Pick<HttpRequest, 'method' | 'headers'>, answer: HttpResponseInit): HttpResponseInit {
  if (request.method !== 'GET' || answer.status !== 200 || typeof answer.body !== 'string') return answer;
  const etag = `"${createHash('sha256').update(answer.body).digest('base64url').slice(0, 22)}"`;
  const headers = { ...answer.headers, etag };
  const known = request.headers.get('if-none-match')?.split(',') ?? [];
  // A proxy that compresses may have made a weak tag of it.
  if (!known.some((tag) => tag.trim().replace(/^W\//, '') === etag)) return { ...answer, headers };
  return { status: 304, headers: { 'cache-control': 'no-store', etag } };
}
