/**
 * What an HTTP handler works with, and what a route is. `src/registration/http.ts` makes the context for each request. It
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
  /** The site's own host name, if it has one. */
  hostname: string | undefined;
}

export type Handler = (door: Door, request: HttpRequest) => Promise<HttpResponseInit>;

/**
 * The API's root as the caller reaches it, such as `https://host/api/`. `segments` is the number of the route's
 * segments.
 */
export function rootOf(door: Door, request: HttpRequest, segments: number): URL {
  return apiRoot(request, segments, { publicUrl: door.environment.config.publicUrl, hostname: door.hostname });
}

export interface Route {
  /** Name of the function. */
  name: string;
  method: HttpMethod;
  /** The path below the API's root, without a leading slash. */
  path: string;
  summary: string;
  handler: Handler;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Request headers that the route reads, by name; keys are left out. */
  headers?: Record<string, string>;
  /** Answers by status. Problems that every route can answer with are added to them. */
  answers: Record<number, { description: string; schema: z.ZodType }>;
}
