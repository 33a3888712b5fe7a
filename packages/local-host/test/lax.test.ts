/**
 * What Azure Storage does not promise, and `--chaos` therefore takes away: a start that is one step, an end that is at once.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, test } from 'vitest';
import { type StartedHost, startHost } from '../src/start-host.ts';

let host: StartedHost;
const api = (path: string) => `${host.url}/runtime/webhooks/durabletask/${path}`;
const headers = { 'content-type': 'application/json' };

beforeAll(async () => {
  const scriptRoot = fileURLToPath(new URL('./fixtures/basic', import.meta.url));
  host = await startHost({ scriptRoot, workers: 1, args: ['--chaos', '5'] });
});
afterAll(() => host.stop());

async function statusOf(id: string): Promise<{ runtimeStatus: string; input: { n: number } }> {
  return (await (await fetch(api(`instances/${id}`))).json()) as { runtimeStatus: string; input: { n: number } };
}

async function until(id: string, wanted: string): Promise<{ input: { n: number } }> {
  for (;;) {
    const found = await statusOf(id);
    if (found.runtimeStatus === wanted) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Five starts of one ID at once. @returns how many of them were answered with 202. */
async function startFive(id: string): Promise<number> {
  const starts = [1, 2, 3, 4, 5].map(async (n) => {
    const body = JSON.stringify({ n });
    return (await fetch(api(`orchestrators/event/${id}`), { method: 'POST', headers, body })).status;
  });
  const statuses = await Promise.all(starts);
  assert.ok(statuses.every((status) => status === 202 || status === 409));
  const { input } = await until(id, 'Running');
  assert.ok([1, 2, 3, 4, 5].includes(input.n));
  const late = await fetch(api(`orchestrators/event/${id}`), { method: 'POST', headers, body: '{}' });
  assert.equal(late.status, 409);
  return statuses.filter((status) => status === 202).length;
}

test('of five starts of one ID at once several are answered with 202, and one instance runs', async () => {
  let accepted = 0;
  // How many come into the gap is for the machine to say: of ten times, one is enough.
  for (let time = 0; time < 10 && accepted < 2; time++) accepted = await startFive(`five-${time}`);
  assert.ok(accepted >= 2, `${accepted} of five`);
});

test('a terminated instance takes its time', async () => {
  await fetch(api('orchestrators/event/ending'), { method: 'POST', headers, body: '{}' });
  await until('ending', 'Running');
  assert.equal((await fetch(api('instances/ending/terminate?reason=x'), { method: 'POST' })).status, 202);
  assert.equal((await statusOf('ending')).runtimeStatus, 'Running');
  await until('ending', 'Terminated');
});
