/** The shipped Data Factory pipelines against the app on the local host, with function keys in force. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type App, startApp } from '../http/support/app.ts';
import { flightsFile } from '../http/support/flights.ts';
import { holdIndex } from '../http/support/held-index.ts';
import { type Pipeline, type PipelineResult, runPipeline } from './support/factory.ts';

const key = 'a key/with+signs=';
const durableKey = 'of the durable extension';
let app: App;
let vault: Server;

beforeAll(async () => {
  const keys = { Host__Keys__default: key, Host__Keys__durabletask: durableKey };
  app = await startApp({ ORDINAL_CALLBACK_LOOPBACK: 'true', ...keys, ORDINAL_BATCH_ROWS: '100' }, ['--enable-auth']);
  vault = createServer((request, response) => {
    const found = request.url === '/secrets/ordinal-function-key?api-version=7.4';
    response.writeHead(found ? 200 : 404).end(JSON.stringify(found ? { value: key } : {}));
  });
  await new Promise<void>((resolve) => vault.listen(0, '127.0.0.1', resolve));
  await app.upload('landing', 'flights/2001/01/31/a.parquet', flightsFile(40));
  await app.upload('landing', 'flights/2001/01/31/b.parquet', flightsFile(20, 1));
  await app.upload('landing', 'flights/canceled/a.parquet', flightsFile(40));
  await app.upload('landing', 'flights/broken/a.parquet', Buffer.from('PAR1 is how it begins, and that is all'));
});
afterAll(async () => {
  vault?.close();
  await app?.stop();
});

let runs = 0;
async function play(
  name: string,
  parameters: Record<string, unknown>,
  onAnswer?: (request: string) => void | Promise<void>,
): Promise<PipelineResult> {
  const pipeline = JSON.parse(
    await readFile(new URL(`../../adf/pipeline/${name}.json`, import.meta.url), 'utf8'),
  ) as Pipeline;
  const keyVaultUrl = `http://127.0.0.1:${(vault.address() as AddressInfo).port}`;
  const options = { functionKey: key, pollMs: 50, runId: `4f3c-${++runs}`, ...(onAnswer && { onAnswer }) };
  return runPipeline(pipeline, { appUrl: app.url, keyVaultUrl, ...parameters }, options);
}

interface Entity {
  entity: string;
  rows: number;
  firstId: string | null;
  lastId: string | null;
  folder: string;
  wildcard: string;
}

const variants: [name: string, last: string][] = [
  ['ordinal-run', 'Follow'],
  ['ordinal-run-until', 'Run'],
  ['ordinal-run-webhook', 'Run'],
];

for (const [name, last] of variants) {
  describe(name, () => {
    it('succeeds with rows, ranges and paths for the next activity', async () => {
      // A folder of its own: what another variant has read is not new.
      const own = `flights/2001-${name}/`;
      await app.upload('landing', `${own}a.parquet`, flightsFile(40));
      await app.upload('landing', `${own}b.parquet`, flightsFile(20, 1));
      const result = await play(name, { prefix: own });
      assert.equal(result.status, 'Succeeded', JSON.stringify(result.error));
      const output = result.outputs[last] as { runId: string; status: string; entities: Entity[]; manifest: string };
      assert.equal(output.status, 'Completed');
      const flights = output.entities.find(({ entity }) => entity === 'flights')!;
      assert.equal(flights.rows, 60);
      assert.equal(Number(flights.lastId) - Number(flights.firstId), 59);
      const published = await app.names('published');
      assert.ok(published.includes(output.manifest));
      assert.ok(published.includes(`${flights.folder}/${flights.wildcard.replace('*', '00000')}`));
      assert.ok(Buffer.byteLength(JSON.stringify(output)) < 64 * 1024);
    });

    it("fails with the run's error", async () => {
      const result = await play(name, { prefix: 'flights/broken/' });
      assert.equal(result.status, 'Failed');
      const { code, message } = result.error!;
      assert.match(code, /^(NotParquet|TruncatedFile)$/);
      assert.match(message, /flights\/broken\/a\.parquet/);
      // The Webhook activity itself fails; the others give the run, with its error, and a Fail activity follows.
      if (name === 'ordinal-run-webhook') return;
      const { error } = result.outputs[last] as { error: { code: string; line: string } };
      assert.deepEqual([error.code, error.line], [code, message]);
    });

    it('fails where the start is refused', async () => {
      const result = await play(name, { prefix: 'sales/' });
      assert.equal(result.status, 'Failed');
      assert.match(result.error!.message, /outside the pipeline's source/);
    });
  });
}

describe('a window', () => {
  it('is a folder, and one run, however often its pipeline runs', async () => {
    const window = { windowStart: '2001-01-31T00:00:00Z' };
    const first = await play('ordinal-run', window);
    const again = await play('ordinal-run-until', window);
    assert.deepEqual(
      [first.status, again.status],
      ['Succeeded', 'Succeeded'],
      JSON.stringify([first.error, again.error]),
    );
    const output = first.outputs.Follow as { runId: string; entities: Entity[] };
    assert.equal(output.runId, 'adf-flights-20010131T000000');
    assert.deepEqual((again.outputs.Run as { entities: Entity[] }).entities, output.entities);
  });
});

describe('a window by the webhook', () => {
  it('is told how its run ended, also when that was long ago', async () => {
    const window = { windowStart: '2001-01-31T00:00:00Z' };
    const first = await play('ordinal-run', window);
    const again = await play('ordinal-run-webhook', window);
    assert.deepEqual([first.status, again.status], ['Succeeded', 'Succeeded'], JSON.stringify(again.error));
    const output = again.outputs.Run as { runId: string; entities: Entity[] };
    assert.deepEqual(output.entities, (first.outputs.Follow as { entities: Entity[] }).entities);
  });
});

describe('the polls', () => {
  it('follow Location with the key that it keeps, and nothing else', async () => {
    // The run waits for a key index until the first poll was answered: however fast the machine is, there are two.
    const letGo = await holdIndex({ url: app.url, key: durableKey }, 'flights.airports', 'nightly-export');
    let gone: Promise<void> | undefined;
    await app.upload('landing', 'flights/polled/a.parquet', flightsFile(40));
    const result = await play('ordinal-run', { prefix: 'flights/polled/' }, async (request) => {
      if (!request.endsWith('/outcome 202')) return;
      gone ??= letGo();
      await gone;
    });
    const followed = result.requests.filter((request) => request.includes('/outcome'));
    assert.ok(followed.length >= 2, result.requests.join('\n'));
    assert.match(followed.at(-1)!, / 200$/);
    assert.ok(followed.slice(0, -1).every((request) => request.endsWith(' 202')));
  });

  it('are refused without the key', async () => {
    assert.equal((await fetch(`${app.url}/api/runs/adf-x/outcome`)).status, 401);
  });
});

describe('call-backs', () => {
  it('are repeated until they are heard, and come for a canceled run too', async () => {
    const heard: string[] = [];
    const receiver = createServer((request, response) => {
      void (async () => {
        let text = '';
        for await (const chunk of request) text += String(chunk);
        heard.push(text);
        response.writeHead(heard.length === 1 ? 503 : 200).end();
      })();
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const callBackUri = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const headers = { 'x-functions-key': key };
    const until = async (count: number) => {
      while (heard.length < count) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    try {
      await app.ask('POST', 'pipelines/flights/runs', { runId: 'told', prefix: 'flights/2001/', callBackUri }, headers);
      await until(2);
      assert.equal(heard[0], heard[1]);
      const body = JSON.parse(heard[1]!) as { StatusCode: string; Output: { status: string }; Error?: object };
      assert.deepEqual([body.StatusCode, body.Output.status, body.Error], ['200', 'Completed', undefined]);
      // It waits for a key index, and so has not published before the cancel comes.
      const letGo = await holdIndex({ url: app.url, key: durableKey }, 'flights.airports', 'cancel-test');
      await app.ask(
        'POST',
        'pipelines/flights/runs',
        { runId: 'stopped', prefix: 'flights/canceled/', callBackUri },
        headers,
      );
      await app.ask('POST', 'runs/stopped/cancel', { reason: 'not today' }, headers);
      await until(3);
      await letGo();
      assert.deepEqual((JSON.parse(heard[2]!) as { Error: object }).Error, {
        ErrorCode: 'RunCanceled',
        Message: 'not today',
      });
      // Somebody else who starts the same run hears of it too: at another address, or at the same one once it is over.
      for (const more of [`${callBackUri}more`, callBackUri]) {
        const body = { runId: 'told', prefix: 'flights/2001/', callBackUri: more };
        assert.equal((await app.ask('POST', 'pipelines/flights/runs', body, headers)).status, 202);
      }
      await until(5);
      assert.deepEqual([heard[3], heard[4]], [heard[0], heard[0]]);
      const view = await app.ask('GET', 'runs/stopped', undefined, headers);
      assert.ok(!JSON.stringify(view.body).includes(callBackUri), "the address is the caller's secret");
    } finally {
      receiver.close();
    }
  });
});
