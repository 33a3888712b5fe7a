/**
 * The HTTP API of the running app. Commands about runs and sequences go through it, so that they see and may do what
 * every caller does. An answer that is a problem becomes the error that the app had.
 */
import type { z } from 'zod';
import { type ErrorCode, OrdinalError } from '../../src/errors.ts';
import { problemSchema } from '../../src/http/schemas.ts';
import { type Access, send } from './address.ts';

const KEY_HELP =
  'Give a function key of the app with --key or in ORDINAL_HOST_KEY; where callers sign in by Entra, also --scope.';

export interface AppRequest {
  query?: Record<string, string | undefined>;
  body?: object;
  signal?: AbortSignal;
}

export class AppClient {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  get host(): string {
    return this.#access.host;
  }

  /**
   * Sends a request to a path below `/api/`.
   *
   * @returns the answer's body, and its status.
   * @throws OrdinalError the app's own; `StorageFailed` when it does not answer, `InvalidSettings` when it refuses the key.
   */
  async call<T>(
    method: 'GET' | 'POST',
    path: string,
    schema: z.ZodType<T>,
    { query = {}, body, signal }: AppRequest = {},
  ): Promise<{ status: number; body: T }> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
    const target = `/api/${path}${search.size > 0 ? `?${search}` : ''}`;
    const response = await send(this.#access, method, target, { body, signal, keyHelp: KEY_HELP });
    const answer = await this.#json(response);
    if (!response.ok) throw this.#problem(response.status, answer);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return { status: response.status, body: parsed.data };
    const issue = parsed.error.issues[0];
    throw new OrdinalError(
      'StorageFailed',
      `the answer of ${this.host}/api/${path} is not understood: ${issue?.path.join('.')}: ${issue?.message}`,
      { remedy: 'Use the version of this command that the app has: the command doctor compares them.' },
    );
  }

  async get<T>(path: string, schema: z.ZodType<T>, query?: AppRequest['query'], signal?: AbortSignal): Promise<T> {
    return (await this.call('GET', path, schema, { ...(query && { query }), ...(signal && { signal }) })).body;
  }

  async #json(response: Response): Promise<unknown> {
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      throw new OrdinalError('StorageFailed', `${this.host} answers ${response.status}, but it is not this app`, {
        remedy: 'Name the address of the app with --host or ORDINAL_HOST, without a path.',
      });
    }
  }

  #problem(status: number, answer: unknown): OrdinalError {
    const parsed = problemSchema.safeParse(answer);
    if (!parsed.success) {
      return new OrdinalError('StorageFailed', `${this.host} answers ${status}, but it is not this app`, {
        remedy: 'Name the address of the app with --host or ORDINAL_HOST, without a path.',
      });
    }
    const { code, detail, remedy, where, errors = [] } = parsed.data;
    const further = errors.slice(1).map(({ field, message }) => `; ${field}: ${message}`);
    return new OrdinalError(code as ErrorCode, `${detail}${further.join('')}`, { remedy, where });
  }
}
