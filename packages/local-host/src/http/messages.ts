/**
 * Reads request bodies and writes answers, for everything that the host itself serves over HTTP. The server, the
 * durable API and streams use it. A body above the limit must be refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** An HTTP answer of the host itself. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** Written as JSON when it is not a string. */
  body?: unknown;
}

/** Largest request body that is taken unless the app setting `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT` says otherwise: 100 MiB,
 * as in the Functions host. */
export const bodyBytesMaxDefault = 104_857_600;

export class BodyTooLarge extends Error {
  constructor() {
    super('the request body is larger than FUNCTIONS_REQUEST_BODY_SIZE_LIMIT allows');
  }
}

/** @throws BodyTooLarge; the rest of the body is read and dropped then, so that an answer can be given. */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bytesMax) chunks.push(chunk);
      else reject(new BodyTooLarge());
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the caller has gone')));
  });
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

/** An error as ASP.NET's Web API writes it. */
export function problem(status: number, message: string, detail?: string, type?: string): Answer {
  const exception = { ExceptionMessage: detail, ExceptionType: type };
  return { status, body: { Message: message, ...exception } };
}
