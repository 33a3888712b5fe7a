/**
 * Continuation tokens as callers see them: the backend's own token and a check value. The list of runs (`runs.ts`) uses
 * them. A token that a caller invented or shortened must be refused here, before the backend gets it: the backend would
 * answer with an error of its own.
 */
import { createHash } from 'node:crypto';
import { wrongField } from './problem.ts';

const checkOf = (token: string) => createHash('sha256').update(token).digest('hex').slice(0, 8);

/** Makes the token that a caller gets from the backend's token. */
export function packContinuation(token: string): string {
  return `${checkOf(token)}${Buffer.from(token).toString('base64url')}`;
}

/** The backend's token in a caller's token. @throws RequestError for a token that `packContinuation` did not make. */
export function unpackContinuation(text: string): string {
  const token = Buffer.from(text.slice(8), 'base64url').toString();
  if (packContinuation(token) === text) return token;
  const remedy = 'Follow `next` of the last page, or start again without continuation.';
  throw wrongField('continuation', 'is not a token of a list of runs', remedy);
}
