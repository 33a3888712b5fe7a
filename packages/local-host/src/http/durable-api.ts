/**
 * The durable task extension's HTTP API, with the answers of version 3.19.0. `server.ts` calls it for the public
 * webhooks and for the SDK's local calls. What a request does is decided by the engine's client (`engine/client.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientError, type DurableClientOperations } from '../engine/client.ts';
import { type InstanceRecord, isTerminal, parseEntityId } from '../engine/model.ts';
import type { DurableRuntime } from '../engine/runtime.ts';
import {
  decodeToken,
  encodeToken,
  flag,
  jsonText,
  pageSize,
  parsed,
  startInput,
  statusBody,
  statusList,
  time,
  UnfinishedJson,
} from './api-values.ts';
import { type ClientBindingOptions, managementUrls } from './client-binding.ts';
import { historyView } from './history-view.ts';
import { type Answer, problem } from './messages.ts';

export interface ApiRequest {
  method: string;
  /** Path below the API's base, percent-decoded segment by segment; `%2F` stays as it is. */
  segments: string[];
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The whole URL as the caller wrote it. */
  url: string;
  /** Base of the URLs to give back, as in `http://localhost:7071/runtime/webhooks/durabletask`. */
  baseUrl: string;
}

const continuationHeader = 'x-ms-continuation-token';
const wentWrong = 'Something went wrong while processing your request';

/**
 * The durable task extension's HTTP API (`X/HttpApiHandler.cs`): public webhooks and the SDK's local RPC are one code.
 */
export class DurableApi {
  private readonly client: DurableClientOperations;
  private readonly runtime: DurableRuntime;
  private readonly binding: ClientBindingOptions;
  private readonly startGapMs: () => number;

  /** @param startGapMs how long a start takes between its look at the ID and its being done; a new value each time. */
  constructor(
    client: DurableClientOperations,
    runtime: DurableRuntime,
    binding: ClientBindingOptions,
    startGapMs: () => number = () => 0,
  ) {
    this.client = client;
    this.runtime = runtime;
    this.binding = binding;
    this.startGapMs = startGapMs;
  }

  async handle(request: ApiRequest): Promise<Answer> {
    try {
      return (await this.route(request)) ?? { status: 404 };
    } catch (error) {
      if (error instanceof UnfinishedJson) {
        const type = 'Newtonsoft.Json.JsonSerializationException';
        return problem(500, wentWrong, 'Unexpected end when deserializing the input.', type);
      }
      if (error instanceof ClientError) return refusal(error, request.segments[2]?.toLowerCase() === 'rewind');
      throw error;
    }
  }

  private route(request: ApiRequest): Answer | undefined | Promise<Answer | undefined> {
    const [resource, first, second, third, beyond] = request.segments;
    const isEvent = resource?.toLowerCase() === 'instances' && second?.toLowerCase() === 'raiseevent';
    if (beyond !== undefined || (third !== undefined && !isEvent)) return undefined;
    // The extension decodes the path once more and then finds one segment too many.
    if (request.segments.some((segment) => /%2f/i.test(segment))) return undefined;
    switch (resource?.toLowerCase()) {
      case 'orchestrators':
        return request.method === 'POST' && first ? this.start(request, first, second) : undefined;
      case 'instances':
        if (!first) return this.instanceSet(request);
        return second
          ? this.instanceAction(request, first, second.toLowerCase(), third)
          : this.oneInstance(request, first);
      case 'entities':
        if (!first || second === undefined)
          return request.method === 'GET' ? this.listEntities(request, first) : undefined;
        return this.entity(request, first, second);
      case 'makeprimary':
        return { status: 200 };
      default:
        return undefined;
    }
  }

  private async start(request: ApiRequest, name: string, instanceId: string | undefined): Promise<Answer> {
    const input = startInput(request.body);
    const version = request.query.get('version') ?? undefined;
    const prepared = this.client.prepareStart({ name, instanceId, input, version });
    const gapMs = this.startGapMs();
    if (gapMs > 0) await sleep(gapMs);
    this.client.finishStart(prepared);
    const id = prepared.instanceId;
    const timeoutS = Number(request.query.get('timeout'));
    const pollingS = Number(request.query.get('pollingInterval'));
    if (timeoutS > 0 && pollingS > 0) {
      const record = await this.waitForEnd(id, timeoutS * 1000);
      if (record.status === 'Completed') return { status: 200, body: record.output ?? 'null' };
      if (isTerminal(record.status)) return this.ended(request, record, statusBody(record, true));
    }
    return this.started(request, id);
  }

  private started(request: ApiRequest, id: string): Answer {
    const { rewindPostUri: _, ...urls } = managementUrls(this.binding, request.baseUrl, id);
    return { status: 202, headers: { location: urls.statusQueryGetUri ?? '', 'retry-after': '10' }, body: urls };
  }

  /** Resolves when the instance has ended or the time is over. */
  private waitForEnd(id: string, timeoutMs: number): Promise<InstanceRecord> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        unwatch();
        resolve(this.client.get(id));
      };
      const timer = setTimeout(done, Math.min(timeoutMs, 2 ** 31 - 1));
      const unwatch = this.runtime.watch(() => {
        const record = this.runtime.store.instance(id);
        if (record === undefined || isTerminal(record.status)) done();
      });
    });
  }

  private oneInstance(request: ApiRequest, id: string): Answer | undefined {
    if (request.method === 'DELETE') {
      this.client.purgeOne(id);
      return { status: 200, body: { instancesDeleted: 1 } };
    }
    if (request.method !== 'GET') return undefined;
    const record = this.client.get(id);
    const body = statusBody(record, flag(request.query, 'showInput', true));
    if (flag(request.query, 'showHistory', false)) {
      body.historyEvents = historyView(this.runtime.store.history(id), {
        outputs: flag(request.query, 'showHistoryOutput', false),
        inputs: flag(request.query, 'showInput', true),
      });
    }
    if (!isTerminal(record.status)) {
      return { status: 202, headers: { location: request.url, 'retry-after': '5' }, body };
    }
    return this.ended(request, record, body);
  }

  private ended({ query }: ApiRequest, record: InstanceRecord, body: object): Answer {
    const asError = record.status === 'Failed' && flag(query, 'returnInternalServerErrorOnFailure', false);
    return { status: asError ? 500 : 200, body };
  }

  private instanceSet({ method, query, headers }: ApiRequest): Answer | undefined {
    const idPrefix = query.get('instanceIdPrefix');
    const createdFrom = time(query, 'createdTimeFrom');
    const createdTo = time(query, 'createdTimeTo');
    const statuses = statusList(query.get('runtimeStatus'));
    const filter = {
      ...(idPrefix !== null && { idPrefix }),
      ...(createdFrom !== undefined && { createdFrom }),
      ...(createdTo !== undefined && { createdTo }),
      ...(statuses !== undefined && { statuses }),
    };
    if (method === 'DELETE') {
      if (createdFrom === undefined)
        throw new ClientError(400, "Please provide value for 'createdTimeFrom' parameter.");
      const found = this.client.list({ ...filter, limit: Number.MAX_SAFE_INTEGER });
      const instancesDeleted = this.client.purge(found.map((each) => each.instanceId));
      return instancesDeleted === 0 ? { status: 404 } : { status: 200, body: { instancesDeleted } };
    }
    if (method !== 'GET') return undefined;
    const limit = pageSize(query);
    const place = decodeToken(headers[continuationHeader]);
    const found = place === 'nowhere' ? [] : this.client.list({ ...filter, ...place, limit: limit + 1 });
    const page = found.slice(0, limit);
    const token = found.length > limit ? encodeToken(page.at(-1)?.instanceId ?? '') : '';
    const showInput = flag(query, 'showInput', true);
    return {
      status: 200,
      headers: token === '' ? {} : { [continuationHeader]: token },
      body: page.map((record) => statusBody(record, showInput)),
    };
  }

  private instanceAction(
    request: ApiRequest,
    id: string,
    action: string,
    name: string | undefined,
  ): Answer | undefined {
    if (request.method !== 'POST') return undefined;
    const reason = request.query.get('reason') ?? '';
    switch (action) {
      case 'terminate':
      case 'suspend':
      case 'resume':
      case 'rewind':
        this.client[action](id, reason);
        return { status: 202 };
      case 'restart':
        return this.started(request, this.client.restart(id, flag(request.query, 'restartWithNewInstanceId', true)));
      case 'raiseevent':
        return name === undefined ? undefined : this.raiseEvent(request, id, name);
      default:
        return undefined;
    }
  }

  private raiseEvent(request: ApiRequest, id: string, name: string): Answer {
    const record = this.client.get(id);
    if (isTerminal(record.status)) return { status: 410 };
    if (!/^application\/json/i.test(String(request.headers['content-type'] ?? ''))) {
      return problem(400, 'Only application/json request content is supported');
    }
    this.client.raiseEvent(id, name, jsonText(request.body));
    return { status: 202 };
  }

  private listEntities({ query, headers }: ApiRequest, name: string | undefined): Answer {
    const limit = pageSize(query);
    const place = decodeToken(headers[continuationHeader]);
    const updatedFrom = time(query, 'lastOperationTimeFrom');
    const updatedTo = time(query, 'lastOperationTimeTo');
    const wanted = {
      ...(name && { name: name.toLowerCase() }),
      ...(updatedFrom !== undefined && { updatedFrom }),
      ...(updatedTo !== undefined && { updatedTo }),
      limit: limit + 1,
    };
    const found = place === 'nowhere' ? [] : this.runtime.store.entities({ ...wanted, ...place });
    const page = found.slice(0, limit);
    const fetchState = flag(query, 'fetchState', false);
    const token = found.length > limit ? encodeToken(page.at(-1)?.entityId ?? '') : '';
    return {
      status: 200,
      headers: token === '' ? {} : { [continuationHeader]: token },
      body: page.map((record) => ({
        entityId: parseEntityId(record.entityId),
        lastOperationTime: new Date(record.updatedAt).toISOString(),
        state: fetchState ? parsed(record.state) : null,
      })),
    };
  }

  private entity(request: ApiRequest, name: string, key: string): Answer | undefined {
    switch (request.method) {
      case 'GET':
        // On reading, and only there, `$` is the empty key: an entity whose key is `$` cannot be read.
        return { status: 200, body: this.client.readEntity(name, key === '$' ? '' : key) };
      case 'POST': {
        const isJson = /^application\/json/i.test(String(request.headers['content-type'] ?? ''));
        const input =
          request.body.length === 0
            ? null
            : isJson
              ? jsonText(request.body)
              : JSON.stringify(request.body.toString('utf8'));
        this.client.signalEntity(name, key, request.query.get('op') ?? '', input);
        return { status: 202 };
      }
      case 'DELETE':
        this.client.signalEntity(name, key, 'delete', null);
        return { status: 202 };
      default:
        return undefined;
    }
  }
}

/**
 * The extension's answer to a request that it refuses. When the answer has no body, the SDK's client adds its own text.
 */
function refusal(error: ClientError, isRewind: boolean): Answer {
  const { status, message, headline } = error;
  if (status === 400) {
    return problem(400, headline ?? 'One or more of the arguments submitted is incorrect', message);
  }
  if (status === 500) return problem(500, wentWrong, message);
  if (status === 409) return problem(409, message);
  return status === 412 || isRewind ? { status, body: JSON.stringify(message) } : { status };
}
