/**
 * What an HTTP handler works with, and what a route is. `functions/http.ts` makes the context for each request. It
 * imports no SDK code, only types.
 */
import type { HttpMethod, HttpRequest, HttpResponseInit } from '@azure/functions';
import type { z } from 'zod';
import type { DurableRuns } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { apiRoot } from './urls.ts';

export interface Door {
  environment: Environment;
  runs: DurableRuns;
  now: Date;
  newRunId(): string;
  /** The site's own host name, where there is one. */
  hostname: string | undefined;
}

export type Handler = (door: Door, request: HttpRequest) => Promise<HttpResponseInit>;

/** `https://host/api/` as the caller reaches it; `segments` is the number of the route's segments. */
export function rootOf(door: Door, request: HttpRequest, segments: number): URL {
  return apiRoot(request, segments, { publicUrl: door.environment.config.publicUrl, hostname: door.hostname });
}

export interface Route {
  /** Name of the function. */
  name: string;
  method: HttpMethod;
  /** Below the API's root, without a leading slash. */
  path: string;
  summary: string;
  handler: Handler;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Request headers besides keys. */
  headers?: Record<string, string>;
  /** By status; problems of the whole API are added. */
  answers: Record<number, { description: string; schema: z.ZodType }>;
}
