import type { DurableClientOperations } from '../engine/client.ts';
import { ClientError } from '../engine/client.ts';
import { type InstanceRecord, isTerminal, parseEntityId } from '../engine/model.ts';
import type { DurableRuntime } from '../engine/runtime.ts';
import {
  decodeToken,
  encodeToken,
  flag,
  jsonText,
  pageSize,
  parsed,
  statusBody,
  statusList,
  time,
} from './api-values.ts';
import { type ClientBindingOptions, managementUrls } from './client-binding.ts';
import { historyView } from './history-view.ts';
import { type Answer, problem } from './messages.ts';

export interface ApiRequest {
  method: string;
  /** Path below the API's base, percent-decoded segment by segment. */
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

/** The durable task extension's HTTP API (`X/HttpApiHandler.cs`): public webhooks and the SDK's local RPC are one code. */
export class DurableApi {
  private readonly client: DurableClientOperations;
  private readonly runtime: DurableRuntime;
  private readonly binding: ClientBindingOptions;

  constructor(client: DurableClientOperations, runtime: DurableRuntime, binding: ClientBindingOptions) {
    this.client = client;
    this.runtime = runtime;
    this.binding = binding;
  }

  async handle(request: ApiRequest): Promise<Answer> {
    try {
      return (await this.route(request)) ?? { status: 404 };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (error.status === 400)
        return problem(400, 'One or more of the arguments submitted is incorrect', error.message);
      if (error.status === 500) {
        return problem(500, 'Something went wrong while processing your request', error.message);
      }
      // Others have no body in Azure, and the SDK's client puts a text of its own there.
      return error.status === 409 ? problem(409, error.message, error.message) : { status: error.status };
    }
  }

  private route(request: ApiRequest): Answer | undefined | Promise<Answer | undefined> {
    const [resource, first, second, third, beyond] = request.segments;
    const isEvent = resource?.toLowerCase() === 'instances' && second?.toLowerCase() === 'raiseevent';
    if (beyond !== undefined || (third !== undefined && !isEvent)) return undefined;
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
        return request.method === 'POST' ? { status: 200 } : undefined;
      default:
        return undefined;
    }
  }

  private async start(request: ApiRequest, name: string, instanceId: string | undefined): Promise<Answer> {
    const input = request.body.length === 0 ? null : jsonText(request.body);
    const id = this.client.start({ name, instanceId, input, version: request.query.get('version') ?? undefined });
    const timeoutS = Number(request.query.get('timeout'));
    const pollingS = Number(request.query.get('pollingInterval'));
    if (timeoutS > 0 && pollingS > 0) {
      const record = await this.waitForEnd(id, timeoutS * 1000);
      if (record.status === 'Completed') return { status: 200, body: record.output ?? 'null' };
      if (record.status === 'Failed') return { status: 500, body: statusBody(record, true) };
      if (isTerminal(record.status)) return { status: 200, body: statusBody(record, true) };
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
      this.client.get(id);
      const instancesDeleted = this.client.purge([id]);
      return instancesDeleted === 0 ? { status: 404 } : { status: 200, body: { instancesDeleted } };
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
    const asError = record.status === 'Failed' && flag(request.query, 'returnInternalServerErrorOnFailure', false);
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
    const after = decodeToken(headers[continuationHeader]);
    const found = this.client.list({ ...filter, ...(after !== undefined && { after }), limit: limit + 1 });
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
    const after = decodeToken(headers[continuationHeader]);
    const updatedFrom = time(query, 'lastOperationTimeFrom');
    const updatedTo = time(query, 'lastOperationTimeTo');
    const found = this.runtime.store.entities({
      ...(name && { name: name.toLowerCase() }),
      ...(after !== undefined && { after }),
      ...(updatedFrom !== undefined && { updatedFrom }),
      ...(updatedTo !== undefined && { updatedTo }),
      limit: limit + 1,
    });
    const page = found.slice(0, limit);
    const fetchState = flag(query, 'fetchState', false);
    const token = found.length > limit ? encodeToken(page.at(-1)?.entityId ?? '') : '';
    return {
      status: 200,
      headers: token === '' ? {} : { [continuationHeader]: token },
      body: page.map((record) => ({
        entityId: parseEntityId(record.entityId),
        lastOperationTime: new Date(record.updatedAt).toISOString(),
        ...(fetchState && { state: parsed(record.state) }),
      })),
    };
  }

  private entity(request: ApiRequest, name: string, rawKey: string): Answer | undefined {
    const key = rawKey === '$' ? '' : rawKey;
    switch (request.method) {
      case 'GET':
        return { status: 200, body: this.client.readEntity(name, key) };
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
