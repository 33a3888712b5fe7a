/**
 * Answers requests for an app that streams (`enableHttpStream`): bytes go directly between the caller and the worker.
 * `server.ts` calls it. It must never hold a whole body in memory.
 */
import { randomUUID } from 'node:crypto';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { AppFunction } from '../functions.ts';
import type { Worker } from '../worker/process.ts';
import type { Invocation, TypedData } from '../worker/protocol.ts';
import { BodyTooLarge } from './messages.ts';

export interface StreamedCall {
  worker: Worker;
  /** Where the worker's HTTP proxy listens. */
  httpUri: string;
  found: AppFunction;
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  parameters: Record<string, string>;
  clientValue: string;
  timeoutMs: number | undefined;
  bodyBytesMax: number;
}

/**
 * Answers a request by an app that streams (`app.setup({ enableHttpStream: true })`): the request itself goes to the
 * worker's proxy, which answers it, and the invocation goes the usual way; its ID brings the two together
 * (`H/WebJobs.Script.Grpc/Server/DefaultHttpProxyService.cs`). Nothing is held in memory.
 *
 * @throws FunctionError, WorkerLost, FunctionTimeout, BodyTooLarge; part of the answer may be written then.
 */
export async function streamFunction(call: StreamedCall): Promise<void> {
  const invocation = streamInvocation(call);
  const upstream = forward(call, invocation.id);
  try {
    const relayed = relay(call, upstream);
    const invoked = call.worker.invoke(invocation, call.timeoutMs);
    // The invocation's error says best what went wrong. The relay ends with an error only when the request is refused.
    const result = await Promise.race([invoked, relayed.then(() => invoked)]);
    if (result.returnedNothing) call.response.writeHead(204).end();
    else if (!(await relayed) && !call.response.destroyed) throw new Error('the connection to the worker was lost');
  } finally {
    upstream.destroy();
  }
}

function streamInvocation({ found, request, url, parameters, clientValue }: StreamedCall): Invocation {
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value ?? '')]);
  const query = Object.fromEntries(url.searchParams);
  const values = Object.entries(parameters).map(([name, value]): [string, TypedData] => [name, { string: value }]);
  return {
    id: randomUUID(),
    functionName: found.name,
    inputs: [
      { name: found.trigger.name, data: { http: {} } },
      ...found.clients.map((name) => ({ name, data: { string: clientValue } })),
    ],
    triggerMetadata: {
      ...Object.fromEntries(values),
      Headers: { json: JSON.stringify(Object.fromEntries(headers)) },
      Query: { json: JSON.stringify(query) },
    },
  };
}

/** Headers that belong to one connection. */
const hopHeaders = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
];

function endToEnd(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.includes(name)));
}

function forward({ httpUri, request, url }: StreamedCall, invocationId: string): ClientRequest {
  const proxy = new URL(httpUri);
  return httpRequest({
    host: proxy.hostname === 'localhost' ? '127.0.0.1' : proxy.hostname,
    port: proxy.port,
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    agent: false,
    headers: {
      ...endToEnd(request.headers),
      'x-ms-invocation-id': invocationId,
      'x-forwarded-host': url.host,
      'x-forwarded-proto': url.protocol.slice(0, -1),
    },
  });
}

/**
 * Sends the request's body to the worker and its answer back, only as fast as the slower side accepts them.
 *
 * @returns whether there was a whole answer: not when the worker or the caller has gone. @throws BodyTooLarge
 */
function relay({ request, response, bodyBytesMax }: StreamedCall, upstream: ClientRequest): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bodyBytesMax) return;
      reject(new BodyTooLarge());
      request.unpipe(upstream);
      upstream.destroy();
      request.resume();
    });
    request.pipe(upstream);
    response.once('close', () => {
      if (response.writableFinished) return;
      upstream.destroy();
      resolve(false);
    });
    upstream.once('error', () => resolve(false));
    upstream.once('response', (answer) => {
      const { 'x-ms-invocation-id': _, 'transfer-encoding': _chunked, ...headers } = endToEnd(answer.headers);
      response.writeHead(answer.statusCode ?? 500, headers);
      pipeline(answer, response).then(
        () => resolve(true),
        () => resolve(false),
      );
    });
  });
}
