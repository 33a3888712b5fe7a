/**
 * Turns errors into HTTP answers: problem details (RFC 9457) with the error's code, place and remedy. It also parses
 * request bodies. All handlers use it. An answer is always a JSON object, and no cache keeps it.
 */
import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import { z } from 'zod';
import { type ErrorCode, type ErrorValue, OrdinalError, toErrorValue } from '../errors.ts';
import { keyNames } from './urls.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  InvalidRequest: 400,
  UnknownPipeline: 404,
  UnknownRun: 404,
  UnknownSequence: 404,
  UnknownIndex: 404,
  UnknownBackfill: 404,
  UnknownRoute: 404,
  MethodNotAllowed: 405,
  RunIdConflict: 409,
  RunInUse: 409,
  RunIsPublishing: 409,
  IdempotencyKeyReused: 422,
  StorageFailed: 503,
};

/** A field of a request, and what is wrong with it. */
export const fieldErrorSchema = z.object({ field: z.string(), message: z.string() });
export type FieldError = z.infer<typeof fieldErrorSchema>;

/** The problem as JSON. */
export function problemBody(
  error: Omit<ErrorValue, 'code'> & { code: string },
  status: number,
  errors: readonly FieldError[] = [],
) {
  return {
    type: `urn:ordinal:error:${error.code}`,
    title: error.code,
    status,
    detail: error.message,
    code: error.code,
    ...(error.where && { where: error.where }),
    ...(error.remedy && { remedy: error.remedy }),
    ...(errors.length > 0 && { errors: [...errors] }),
  };
}

export function problem(thrown: unknown, status?: number): HttpResponseInit {
  const error = toErrorValue(thrown);
  const code = status ?? STATUS[error.code] ?? 500;
  const errors = code < 500 ? fieldErrors(thrown) : [];
  return json(code, problemBody(error, code, errors), {
    'content-type': 'application/problem+json',
    ...(error.retryable && { 'retry-after': '5' }),
  });
}

/** The fields of the request that are wrong. An error outside `RequestError` names one field by its place. */
function fieldErrors(thrown: unknown): readonly FieldError[] {
  if (thrown instanceof RequestError) return thrown.errors;
  if (!(thrown instanceof OrdinalError) || thrown.where?.field === undefined) return [];
  return [{ field: thrown.where.field, message: thrown.message }];
}

/**
 * Runs a handler.
 *
 * @returns its answer; whatever it throws becomes a problem answer. Never rejects.
 */
export async function answer(handle: () => Promise<HttpResponseInit>): Promise<HttpResponseInit> {
  try {
    return await handle();
  } catch (thrown) {
    return problem(thrown);
  }
}

/** A JSON object as an answer. `no-store` is set, because an answer is true only at its moment. */
export function json(status: number, body: object, headers: Record<string, string> = {}): HttpResponseInit {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  };
}

/** Thrown for a request that is refused, with all fields that are wrong. */
export class RequestError extends OrdinalError {
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[], remedy: string) {
    const [first] = errors;
    super('InvalidRequest', first ? `${first.field}: ${first.message}` : 'the request is refused', {
      where: { field: first?.field ?? 'body' },
      remedy,
    });
    this.errors = errors;
  }
}

/** The error of one field. */
export function wrongField(field: string, message: string, remedy: string): RequestError {
  return new RequestError([{ field, message }], remedy);
}

/**
 * Parses the JSON of a request's body. An empty body is an empty object.
 *
 * @param remedy what the caller should do, as a sentence.
 * @throws RequestError when it is not JSON, or with the path of every field that is wrong.
 */
export async function parseBody<T>(schema: z.ZodType<T>, request: HttpRequest, remedy: string): Promise<T> {
  const text = (await request.text()).trim();
  let value: unknown;
  try {
    value = JSON.parse(text === '' ? '{}' : text);
  } catch {
    throw wrongField('body', 'is not JSON', 'Send a JSON object, or no body.');
  }
  return parsed(schema, value, 'body', remedy);
}

/** The query of a request, without the key that it may carry. */
export function queryOf({ query }: Pick<HttpRequest, 'query'>): Record<string, string> {
  return Object.fromEntries([...query].filter(([name]) => !keyNames.includes(name)));
}

/** Parses the query of a request. @throws RequestError with the path of every field that is wrong. */
export function parseQuery<T>(schema: z.ZodType<T>, request: HttpRequest): T {
  return parsed(schema, queryOf(request), 'query', 'See /api/openapi.json.');
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, part: string, remedy: string): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const errors = error.issues.flatMap((issue): FieldError[] => {
    const path = issue.path.map(String).join('.');
    // For an unknown field, the error names the field and not the object that holds it.
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: path ? `${path}.${key}` : key, message: 'is not a known field' }));
    }
    return [{ field: path || part, message: issue.message }];
  });
  throw new RequestError(errors, remedy);
}
