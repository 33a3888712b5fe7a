/**
 * Turns an HTTP request into an invocation of an HTTP function, and the function's result into an HTTP answer.
 * `server.ts` calls it. Values have the form that the Functions worker expects.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppFunction } from '../functions.ts';
import type { Invocation, InvocationResult, TypedData } from '../worker/protocol.ts';

interface RpcCookie {
  name: string;
  value: string;
  domain?: { value: string };
  path?: { value: string };
  expires?: { value: { seconds: number } };
  secure?: { value: boolean };
  httpOnly?: { value: boolean };
  maxAge?: { value: number };
  sameSite?: string;
}

interface RpcHttp {
  statusCode?: string;
  headers?: Record<string, string>;
  body?: TypedData;
  cookies?: RpcCookie[];
}

/** The invocation of an HTTP function for a request (`H/…/GrpcMessageConversionExtensions.cs`). */
export function httpInvocation(
  found: AppFunction,
  request: IncomingMessage,
  url: URL,
  parameters: Record<string, string>,
  body: Buffer,
  clientValue: string,
): Invocation {
  const headers: Record<string, { value: string }> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = { value: Array.isArray(value) ? value.join(',') : value };
  }
  const query: Record<string, { value: string }> = {};
  for (const [name, value] of url.searchParams) query[name] = { value };
  const method = request.method ?? 'GET';
  const http = {
    url: url.href,
    method,
    nullableHeaders: headers,
    nullableQuery: query,
    nullableParams: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { value }])),
    ...(body.length > 0 && !/^(get|head)$/i.test(method) && { body: { bytes: body } }),
  };
  return {
    id: randomUUID(),
    functionName: found.name,
    inputs: [
      { name: found.trigger.name, data: { http } },
      ...found.clients.map((name) => ({ name, data: { string: clientValue } })),
    ],
    triggerMetadata: {},
  };
}

/** Writes what an HTTP function returned. A function that returned nothing is answered with 204. */
export function respond(response: ServerResponse, found: AppFunction, result: InvocationResult, method: string): void {
  const outputName = Object.entries(found.metadata.bindings).find(([, binding]) => binding.type === 'http')?.[0];
  const data = result.returnValue ?? result.outputData.find((each) => each.name === outputName)?.data;
  const http = data?.http as RpcHttp | undefined;
  if (http === undefined) {
    const body = data === undefined ? undefined : bodyOf(data);
    response.writeHead(body === undefined ? 204 : 200).end(body);
    return;
  }
  const status = Number(http.statusCode ?? 200);
  for (const [name, value] of Object.entries(http.headers ?? {})) response.setHeader(name, value);
  const cookies = (http.cookies ?? []).map(cookieText);
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  const body = http.body === undefined ? undefined : bodyOf(http.body);
  const bodyless = status === 204 || status === 304 || method === 'HEAD';
  if (body !== undefined && !bodyless) response.setHeader('content-length', body.length);
  response.writeHead(status).end(bodyless ? undefined : body);
}

function bodyOf(data: TypedData): Buffer | undefined {
  if (data.bytes !== undefined) return Buffer.from(data.bytes);
  const text = data.string ?? data.json ?? data.int ?? data.double;
  return text === undefined ? undefined : Buffer.from(String(text));
}

function cookieText(cookie: RpcCookie): string {
  const parts = [`${cookie.name}=${encodeURIComponent(cookie.value)}`];
  if (cookie.maxAge !== undefined) parts.push(`max-age=${cookie.maxAge.value}`);
  if (cookie.expires !== undefined)
    parts.push(`expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`);
  if (cookie.domain?.value) parts.push(`domain=${cookie.domain.value}`);
  if (cookie.path?.value) parts.push(`path=${cookie.path.value}`);
  if (cookie.secure?.value) parts.push('secure');
  if (cookie.httpOnly?.value) parts.push('httponly');
  const sameSite = cookie.sameSite === 'explicitNone' ? 'none' : cookie.sameSite;
  if (sameSite && cookie.sameSite !== 'none') parts.push(`samesite=${sameSite}`);
  return parts.join('; ');
}
