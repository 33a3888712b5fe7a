/**
 * The shipped definitions are what Data Factory's own model knows: each goes through the management client as an answer
 * of the service, and comes back as its request. A member that the model does not know, or of another type, is lost or
 * changed on the way.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { DataFactoryManagementClient } from '@azure/arm-datafactory';
import { describe, it } from 'vitest';

type Resource = { name: string; properties: Record<string, unknown> };

/** What the client sends when it is given back what it was told. */
async function throughModel(kind: 'pipeline' | 'linkedService', told: Resource): Promise<Resource> {
  let sent: string | undefined;
  const client = new DataFactoryManagementClient(
    { getToken: async () => ({ token: 'none', expiresOnTimestamp: Number.MAX_SAFE_INTEGER }) },
    '00000000-0000-0000-0000-000000000000',
    {
      httpClient: {
        sendRequest: async (request) => {
          if (request.method === 'PUT') sent = String(request.body);
          const bodyAsText = JSON.stringify({ ...told, id: '/x', type: 'x', etag: 'x' });
          return { request, status: 200, headers: request.headers, bodyAsText };
        },
      },
    },
  );
  if (kind === 'pipeline') {
    const model = await client.pipelines.get('group', 'factory', told.name);
    await client.pipelines.createOrUpdate('group', 'factory', told.name, model);
  } else {
    const model = await client.linkedServices.get('group', 'factory', told.name);
    await client.linkedServices.createOrUpdate('group', 'factory', told.name, model);
  }
  return JSON.parse(sent!) as Resource;
}

/** Members of a Web activity that the service documents and the client's model does not have yet. */
const newer: ReadonlySet<string> = new Set(['httpRequestTimeout', 'turnOffAsync']);

/** Without the newer members of Web activities. */
function known(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(known);
  if (typeof value !== 'object' || value === null) return value;
  const web = 'type' in value && value.type === 'WebActivity';
  const members = Object.entries(value).map(([name, member]) => {
    if (!web || name !== 'typeProperties') return [name, known(member)];
    return [name, Object.fromEntries(Object.entries(member as object).filter(([each]) => !newer.has(each)))];
  });
  return Object.fromEntries(members);
}

const folder = new URL('../../adf/', import.meta.url);

for (const kind of ['pipeline', 'linkedService'] as const) {
  describe(`adf/${kind}`, async () => {
    for (const file of await readdir(new URL(`${kind}/`, folder))) {
      it(file, async () => {
        const told = JSON.parse(await readFile(new URL(`${kind}/${file}`, folder), 'utf8')) as Resource;
        assert.equal(`${told.name}.json`, file);
        assert.deepEqual((await throughModel(kind, told)).properties, known(told.properties));
      });
    }
  });
}

describe('the check itself', () => {
  it('notices a misspelt member', async () => {
    const told: Resource = {
      name: 'x',
      properties: {
        activities: [{ name: 'W', type: 'WebActivity', typeProperties: { method: 'GET', url: 'x', heders: {} } }],
      },
    };
    assert.notDeepEqual((await throughModel('pipeline', told)).properties, told.properties);
  });
});
