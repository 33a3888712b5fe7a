import type { IncomingMessage, ServerResponse } from 'node:http';

/** An HTTP answer of the host itself. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** Written as JSON when it is not a string. */
  body?: unknown;
}

/** Largest request body that is read (100 MB, as the Functions host's default). */
export const bodyBytesMax = 104_857_600;

export class BodyTooLarge extends Error {}

/** @throws BodyTooLarge */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyBytesMax) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function send(response: ServerResponse, answer: Answer): void {
  const { status, headers = {}, body } = answer;
  if (body === undefined) {
    response.writeHead(status, { ...headers, 'content-length': '0' }).end();
    return;
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const type = headers['content-type'] ?? 'application/json; charset=utf-8';
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
}

export function problem(status: number, message: string, detail?: string): Answer {
  return { status, body: { Message: message, ...(detail !== undefined && { ExceptionMessage: detail }) } };
}
