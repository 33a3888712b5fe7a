/** Starting and following a run: what is shown, and that every bad answer is a clear error. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { followRun, type RunStatus, startRun } from '../../demo/runs.ts';

const status = (over: Partial<RunStatus> = {}): RunStatus => ({
  runId: 'r1',
  pipeline: 'flights',
  status: 'Running',
  phase: 'split',
  batches: { done: 3, total: 12 },
  rows: { done: 750_000, total: 3_000_000 },
  ...over,
});

describe('following a run', () => {
  let server: Server;
  let base = '';
  /** The answers that the server gives in turn; the last one for ever. */
  let answers: { code: number; text: string }[] = [];
  const json = (body: unknown, code = 200): { code: number; text: string } => ({ code, text: JSON.stringify(body) });
  const signal = new AbortController().signal;

  beforeAll(async () => {
    server = createServer((_request, response) => {
      const { code, text } = answers.length > 1 ? answers.shift()! : answers[0]!;
      response.writeHead(code, { 'content-type': 'application/json' }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const follow = (stallMs?: number): Promise<RunStatus> =>
    followRun(`${base}/api/runs/r1`, { signal, onStatus: () => {}, everyMs: 5, ...(stallMs && { stallMs }) });

  it('resolves a relative status address', async () => {
    answers = [json({ runId: 'r1', statusUrl: '/api/runs/r1' }, 202)];
    assert.deepEqual(await startRun(base, 'flights', {}, signal), { runId: 'r1', statusUrl: `${base}/api/runs/r1` });
  });

  it('says why a run was not started', async () => {
    answers = [
      json(
        { error: { code: 'UnknownPipeline', message: 'no pipeline "flihgts"', remedy: 'Did you mean "flights"?' } },
        404,
      ),
    ];
    await assert.rejects(startRun(base, 'flihgts', {}, signal), {
      name: 'DemoError',
      message: `POST ${base}/api/pipelines/flihgts/runs answered 404: UnknownPipeline: no pipeline "flihgts". Did you mean "flights"?`,
    });
  });

  it('returns the last status of a run that completes', async () => {
    answers = [json(status()), json(status({ phase: 'seal' })), json(status({ status: 'Completed', phase: 'done' }))];
    assert.equal((await follow()).phase, 'done');
  });

  it('says why a run failed', async () => {
    const error = { code: 'MissingColumn', message: 'no column "delay"', where: { blob: 'flights/a.parquet' } };
    answers = [json(status()), json(status({ status: 'Failed', phase: 'plan', error }))];
    await assert.rejects(follow(), {
      name: 'DemoError',
      message: 'run r1 ended as Failed in phase plan: MissingColumn: no column "delay" at {"blob":"flights/a.parquet"}',
    });
  });

  it('gives up on a run that stands still', async () => {
    answers = [json(status())];
    await assert.rejects(follow(50), { name: 'DemoError', message: /^run r1 has stood still in phase split/ });
  });

  it('refuses an answer that is not JSON', async () => {
    answers = [{ code: 200, text: '<html>' }];
    await assert.rejects(follow(), { name: 'DemoError', message: /answered 200 without a JSON object: <html>/ });
  });

  it('says that nobody listens', async () => {
    await assert.rejects(startRun('http://127.0.0.1:1', 'flights', {}, signal), {
      name: 'DemoError',
      message: /failed/,
    });
  });
});
