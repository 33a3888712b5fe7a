/** Errors as HTTP answers: problem details (RFC 9457) with the error's code, place and remedy. Always a JSON object. */
import type { HttpResponseInit } from '@azure/functions';
import { type ErrorCode, OrdinalError, toErrorValue } from '../errors.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  InvalidRequest: 400,
  UnknownPipeline: 404,
  UnknownRun: 404,
  RunIdConflict: 409,
  StorageFailed: 503,
};

export function problem(thrown: unknown): HttpResponseInit {
  const error = toErrorValue(thrown);
  const status = STATUS[error.code] ?? 500;
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...(error.retryable && { 'retry-after': '5' }) },
    body: JSON.stringify({
      type: `urn:ordinal:error:${error.code}`,
      title: error.code,
      status,
      detail: error.message,
      code: error.code,
      ...(error.where && { where: error.where }),
      ...(error.remedy && { remedy: error.remedy }),
    }),
  };
}

/** Runs a handler; whatever it throws becomes a problem. */
export async function answer(handle: () => Promise<HttpResponseInit>): Promise<HttpResponseInit> {
  try {
    return await handle();
  } catch (thrown) {
    return problem(thrown);
  }
}

/** A JSON object as an answer. */
export function json(status: number, body: object, headers: Record<string, string> = {}): HttpResponseInit {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

export function badRequest(message: string, field: string, remedy: string): OrdinalError {
  return new OrdinalError('InvalidRequest', message, { where: { field }, remedy });
}
