/** The adapter of the SDK's durable client, over an extension that answers as this test says. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvocationContext } from '@azure/functions';
import { input } from 'durable-functions';
import { expect, test } from 'vitest';
import { durableRuns } from '../../src/registration/durable-runs.ts';

/** Starts an instance where the extension refuses with `text`, and then shows the instance in this status. */
async function startWhere(text: string, runtimeStatus: string): Promise<boolean> {
  const server = createServer((request, response) => {
    request.resume();
    response.statusCode = request.method === 'POST' ? 409 : 200;
    const time = new Date().toISOString();
    const shown = {
      name: 'tidyRun',
      instanceId: 'a~tidy',
      runtimeStatus,
      createdTime: time,
      lastUpdatedTime: time,
      input: null,
      output: null,
    };
    response.end(JSON.stringify(request.method === 'POST' ? { Message: text } : shown));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/runtime/webhooks/durabletask`;
    const client = input.durableClient();
    const context = new InvocationContext({ options: { extraInputs: [client] } });
    context.extraInputs.set(client, {
      taskHubName: 'tests',
      baseUrl,
      rpcBaseUrl: `${baseUrl}/`,
      requiredQueryStringParameters: 'code=key',
      creationUrls: { createNewInstancePostUri: `${baseUrl}/orchestrators/{functionName}[/{instanceId}]` },
      managementUrls: { id: 'INSTANCEID', statusQueryGetUri: `${baseUrl}/instances/INSTANCEID` },
    });
    return await durableRuns(context).start('tidyRun', 'a~tidy', {});
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const refusal = 'An Orchestration instance with the status Running already exists.';

test.for(['Running', 'Suspended', 'Completed'])(
  'an instance in the way is no failure, now that it is %s',
  async (status) => {
    expect(await startWhere(refusal, status)).toBe(false);
  },
);

test('another refusal is one', async () => {
  await expect(startWhere('the hub is full', 'Completed')).rejects.toThrow('the hub is full');
});
