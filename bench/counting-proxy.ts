/**
 * A proxy in front of a storage service that counts what goes through it, as the service would bill it. The cost and the
 * pattern benches ask their storage through it. It changes nothing of what it passes on.
 */
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BlobRequests {
  /** Writes and lists: one price. */
  writes: number;
  /** Reads of blobs and of their properties: another one. */
  reads: number;
  /** Deletes cost nothing. */
  deletes: number;
}

export interface CountingProxy {
  url: string;
  counts: BlobRequests;
  close(): void;
}

/** Sees each request before it is passed on, and again before its answer is; both wait for it. */
export type Witness = (when: 'asked' | 'answered', clientPort: number) => void;

/** What a request is billed as ("Azure Blob Storage pricing": operations). */
export function kindOf(method: string, query: URLSearchParams): keyof BlobRequests {
  if (method === 'DELETE') return 'deletes';
  if (method === 'GET' && query.get('comp') === 'list') return 'writes';
  return method === 'GET' || method === 'HEAD' ? 'reads' : 'writes';
}

/** @param target `http://host:port` of the service. */
export async function countRequests(target: string, witness: Witness = () => {}): Promise<CountingProxy> {
  const counts: BlobRequests = { writes: 0, reads: 0, deletes: 0 };
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, answer) => {
    const method = incoming.method ?? 'GET';
    const clientPort = incoming.socket.remotePort ?? 0;
    counts[kindOf(method, new URL(incoming.url ?? '/', target).searchParams)]++;
    witness('asked', clientPort);
    const { headers, url: path } = incoming;
    const outgoing = send({ hostname, port, method, path, headers }, (response) => {
      witness('answered', clientPort);
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    // Who asked may be gone: half a request must not reach the service as a whole one.
    incoming.on('error', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, counts, close };
}
