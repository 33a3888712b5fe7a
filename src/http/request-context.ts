/** What HTTP handlers work with. */
import type { HttpRequest, HttpResponseInit } from '@azure/functions';
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
