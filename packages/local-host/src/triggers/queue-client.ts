/**
 * A small client of Azure Queue Storage, signed with the account's key. The blob trigger uses it. It has only the five
 * operations that the trigger needs.
 */
import { createHmac } from 'node:crypto';

export interface QueueMessage {
  id: string;
  popReceipt: string;
  /** How often it was handed out, this time included. */
  dequeueCount: number;
  text: string;
}

/** Account and endpoint of a storage connection string. */
export interface QueueAccount {
  account: string;
  key: string;
  /** Without a slash at its end. */
  endpoint: string;
}

const developmentKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** @throws when the text is no connection string with an account key. */
export function parseConnectionString(text: string): QueueAccount {
  const parts = new Map(
    text.split(';').flatMap((part): [string, string][] => {
      const equals = part.indexOf('=');
      return equals < 0 ? [] : [[part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()]];
    }),
  );
  if (parts.get('usedevelopmentstorage') === 'true') {
    return { account: 'devstoreaccount1', key: developmentKey, endpoint: 'http://127.0.0.1:10001/devstoreaccount1' };
  }
  const [account, key] = [parts.get('accountname'), parts.get('accountkey')];
  if (account === undefined || key === undefined) throw new Error('The connection string has no account name and key.');
  const suffix = parts.get('endpointsuffix') ?? 'core.windows.net';
  const endpoint =
    parts.get('queueendpoint') ?? `${parts.get('defaultendpointsprotocol') ?? 'https'}://${account}.queue.${suffix}`;
  return { account, key, endpoint: endpoint.replace(/\/$/, '') };
}

/** One queue of Azure Queue Storage: the five operations a trigger needs, signed with the account's key. */
export class QueueClient {
  private readonly account: QueueAccount;
  private readonly name: string;

  constructor(account: QueueAccount, name: string) {
    this.account = account;
    this.name = name;
  }

  async create(): Promise<void> {
    await this.send('PUT', '', {}, undefined, [201, 204]);
  }

  async put(text: string): Promise<void> {
    await this.send('POST', '/messages', {}, messageBody(text), [201]);
  }

  /** Takes up to `count` messages; nobody else sees them for `visibilityS` seconds. */
  async take(count: number, visibilityS: number): Promise<QueueMessage[]> {
    const query = { numofmessages: String(count), visibilitytimeout: String(visibilityS) };
    const xml = await this.send('GET', '/messages', query, undefined, [200]);
    return [...xml.matchAll(/<QueueMessage>(.*?)<\/QueueMessage>/gs)].map(([, body = '']) => ({
      id: tag(body, 'MessageId'),
      popReceipt: tag(body, 'PopReceipt'),
      dequeueCount: Number(tag(body, 'DequeueCount')),
      text: Buffer.from(tag(body, 'MessageText'), 'base64').toString('utf8'),
    }));
  }

  /** Changes when the message becomes visible again; gives it a new pop receipt. */
  async update(message: QueueMessage, visibilityS: number): Promise<void> {
    const query = { popreceipt: message.popReceipt, visibilitytimeout: String(visibilityS) };
    const path = `/messages/${message.id}`;
    const response = await this.request('PUT', path, query, messageBody(message.text), [204]);
    message.popReceipt = response.headers.get('x-ms-popreceipt') ?? message.popReceipt;
  }

  async delete(message: QueueMessage): Promise<void> {
    await this.send('DELETE', `/messages/${message.id}`, { popreceipt: message.popReceipt }, undefined, [204, 404]);
  }

  private async send(...args: Parameters<QueueClient['request']>): Promise<string> {
    return await (await this.request(...args)).text();
  }

  private async request(
    method: string,
    path: string,
    query: Record<string, string>,
    body: string | undefined,
    expected: readonly number[],
  ): Promise<Response> {
    const url = new URL(`${this.account.endpoint}/${this.name}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const date = new Date().toUTCString();
    const contentType = body === undefined ? '' : 'application/xml';
    // Shared Key Lite for queues: verb, MD5, type, date (empty: x-ms-date is given), headers, resource.
    const resource = `/${this.account.account}${url.pathname}`;
    const text = [method, '', contentType, '', `x-ms-date:${date}`, 'x-ms-version:2021-12-02', resource].join('\n');
    const signature = createHmac('sha256', Buffer.from(this.account.key, 'base64')).update(text).digest('base64');
    const response = await fetch(url, {
      method,
      headers: {
        'x-ms-date': date,
        'x-ms-version': '2021-12-02',
        authorization: `SharedKeyLite ${this.account.account}:${signature}`,
        ...(contentType && { 'content-type': contentType }),
      },
      ...(body !== undefined && { body }),
    });
    if (expected.includes(response.status)) return response;
    throw new Error(`queue ${this.name}: ${method} was answered with ${response.status} ${await response.text()}`);
  }
}

function messageBody(text: string): string {
  return `<QueueMessage><MessageText>${Buffer.from(text).toString('base64')}</MessageText></QueueMessage>`;
}

function tag(xml: string, name: string): string {
  return new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(xml)?.[1] ?? '';
}
