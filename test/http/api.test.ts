/** The HTTP door, from outside: the built app on the local host. Every answer is held to the OpenAPI document. */
import assert from 'node:assert/strict';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { compressors } from '../support/compressors.ts';
import { type Answer, type App, startApp } from './support/app.ts';
import { Contract } from './support/contract.ts';
import { flightsFile } from './support/flights.ts';
import { holdIndex } from './support/held-index.ts';

let app: App;
let contract: Contract;

const START = '/pipelines/{pipeline}/runs';
/** Starts a run. The tests read the same few blobs again and again, and say so. */
const start = async (body?: unknown, headers?: Record<string, string>, pipeline = 'flights'): Promise<Answer> => {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  const asked = isObject ? { again: true, ...body } : body;
  return contract.check('POST', START, await app.ask('POST', `pipelines/${pipeline}/runs`, asked, headers));
};
const ended = async (runId: string): Promise<Answer> =>
  contract.check('GET', '/runs/{runId}/outcome', await app.ended(runId));
const rowsOf = (answer: Answer) =>
  Object.fromEntries(
    (answer.body.entities as { entity: string; rows: number }[]).map(({ entity, rows }) => [entity, rows]),
  );

beforeAll(async () => {
  app = await startApp({ ORDINAL_BATCH_ROWS: '100', ORDINAL_SHORT_BYTES: '0' });
  contract = await Contract.of(app);
  for (const [i, name] of ['a', 'b', '2001/c', '2001/d'].entries()) {
    await app.upload('landing', `flights/${name}.parquet`, flightsFile(50 + i, i));
  }
});
afterAll(() => app?.stop());

/** Rows of a published file, as another reader sees them. */
async function published(blob: string): Promise<Record<string, unknown>[]> {
  const bytes = await app.download('published', blob);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return parquetReadObjects({ file, compressors });
}

describe('a dry run of a first run', () => {
  it('shows the very rows that the run then publishes', async () => {
    // One batch, so that keys are first seen in the order of rows.
    await start({ runId: 'preview', dryRun: true, prefix: 'flights/2001/' });
    const { entities } = (await ended('preview')).body.preview as {
      entities: Record<string, Record<string, unknown>[]>;
    };
    assert.deepEqual(await app.names('published'), []);
    await start({ runId: 'first', prefix: 'flights/2001/' });
    const run = await ended('first');
    for (const { entity, files } of run.body.entities as { entity: string; files: { blob: string }[] }[]) {
      const rows = await published(files[0]!.blob);
      const shown = entities[entity]!.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => {
            const id = /^flights\.\w+\+(\d+)$/.exec(String(value))?.[1];
            return [name, id === undefined ? value : Number(id) + 1];
          }),
        ),
      );
      const real = rows.slice(0, shown.length).map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => {
            if (typeof value === 'bigint') return [name, Number(value)];
            return [name, value instanceof Date ? value.toISOString() : value];
          }),
        ),
      );
      assert.deepEqual(shown, real, entity);
    }
  });
});

describe('starting', () => {
  it('is answered at once with the addresses to follow, which keep the key of the query', async () => {
    const answer = contract.check(
      'POST',
      START,
      await app.ask('POST', 'pipelines/flights/runs?code=k%2B1', {
        runId: 'linked',
        prefix: 'flights/2001/',
        again: true,
      }),
    );
    assert.equal(answer.status, 202);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
    assert.equal(answer.headers.get('location'), answer.body.outcomeUrl);
    for (const name of ['statusUrl', 'outcomeUrl', 'cancelUrl']) {
      const url = new URL(String(answer.body[name]));
      assert.equal(url.origin, app.url, name);
      assert.equal(url.searchParams.get('code'), 'k+1', name);
    }
    assert.deepEqual([answer.body.created, answer.body.life], [true, 1]);
    const end = await ended('linked');
    assert.equal(end.status, 200);
    assert.deepEqual(rowsOf(end), { airports: 0, routes: 0, flights: 105 });
    assert.deepEqual(rowsOf(await ended('first')), { airports: 5, routes: 5, flights: 105 });
    const phases = (end.body.phases as { phase: string }[]).map(({ phase }) => phase);
    assert.deepEqual([phases[0], phases.at(-1)], ['plan', 'publish']);
    const view = contract.check('GET', '/runs/{runId}', await app.ask('GET', String(answer.body.statusUrl)));
    assert.deepEqual(view.body, end.body);
  });

  it('takes blobs by name and by pattern', async () => {
    await start({ runId: 'by-name', blobs: ['flights/b.parquet', 'flights/a.parquet', 'flights/a.parquet'] });
    await start({ runId: 'by-glob', glob: 'flights/**/{c,x}.parquet', again: true });
    assert.equal(rowsOf(await ended('by-name')).flights, 101);
    assert.equal(rowsOf(await ended('by-glob')).flights, 52);
  });

  it('keeps a list of blobs that is too long for a run input beside it', async () => {
    const missing = Array.from({ length: 3_000 }, (_, i) => `flights/none-${i}.parquet`);
    const answer = await start({ runId: 'long', blobs: [...missing, 'flights/a.parquet'] });
    assert.equal(answer.status, 202);
    const end = await ended('long');
    assert.equal(end.status, 500);
    assert.equal(end.body.code, 'SourceEmpty');
    assert.match(String(end.body.detail), /flights\/none-\d+\.parquet/);
  });

  it('is the same run for the same ID, and a conflict for another source', async () => {
    const again = await start({ runId: 'first', prefix: 'flights/2001/' });
    assert.deepEqual([again.status, again.body.created, again.body.status], [200, false, 'Completed']);
    assert.deepEqual(again.body.entities, (await ended('first')).body.entities, 'the answer is the run');
    const conflict = await start({ runId: 'first' });
    assert.deepEqual([conflict.status, conflict.body.code], [409, 'RunIdConflict']);
    assert.equal((await ended('first')).status, 200);
  });

  it('is the same run for the same idempotency key, sent at the same time or later', async () => {
    const headers = { 'idempotency-key': 'monday' };
    const both = await Promise.all([
      start({ prefix: 'flights/2001/' }, headers),
      start({ prefix: 'flights/2001/' }, headers),
    ]);
    const runId = String(both[0]!.body.runId);
    assert.equal(both[1]!.body.runId, runId);
    await ended(runId);
    assert.deepEqual(both.map(({ status, body }) => [status, body.created]).sort(), [
      [202, false],
      [202, true],
    ]);
    const later = await start({ prefix: 'flights/2001/' }, headers);
    assert.deepEqual([later.status, later.body.runId, later.body.created], [200, runId, false]);
    const other = await start({ glob: 'flights/a.parquet' }, headers);
    assert.deepEqual([other.status, other.body.code], [422, 'IdempotencyKeyReused']);
    assert.notEqual((await start({ prefix: 'flights/2001/' })).body.runId, runId);
    const missing = { blobs: ['flights/gone.parquet'] };
    const failed = await start(missing, { 'idempotency-key': 'fails' });
    const end = await ended(String(failed.body.runId));
    const repeated = await start(missing, { 'idempotency-key': 'fails' });
    assert.deepEqual([repeated.status, repeated.body.created], [202, false], 'who follows it sees the failure');
    assert.deepEqual((await ended(String(failed.body.runId))).body, end.body, 'not run a second time');
  });

  it('refuses what lies outside the source, and names every field at fault', async () => {
    for (const body of [
      { blobs: ['sales/x.parquet'] },
      { blobs: ['flights/../sales/x.parquet'] },
      { blobs: ['flights/x.csv'] },
      { prefix: 'sales/' },
      { prefix: 'flights/../' },
      { glob: '**/*.parquet' },
      { glob: 'flights/{../sales/x,y}.parquet' },
      { glob: 'flights/{a,b.parquet' },
      { callBackUri: 'https://example.com/' },
      { callBackUri: 'http://p.datafactory.azure.com/' },
      { deadline: '2001-01-01T00:00:00Z' },
      { deadline: 'P100D' },
      { deadline: 'soon' },
      { prefix: 'flights/', blobs: ['flights/a.parquet'] },
      { runId: '../x' },
      '{"runId":',
      '[]',
    ]) {
      const { status, body: refusal } = await start(body);
      assert.deepEqual([status, refusal.code], [400, 'InvalidRequest'], JSON.stringify(body));
      assert.ok(typeof refusal.remedy === 'string' && refusal.remedy !== '', JSON.stringify(body));
      assert.ok((refusal.errors as { field: string }[])[0]?.field, JSON.stringify(body));
    }
    const { body } = await start({ runId: 7, dryRun: 'yes', prefx: 'flights/' });
    assert.deepEqual((body.errors as { field: string }[]).map(({ field }) => field).sort(), [
      'dryRun',
      'prefx',
      'runId',
    ]);
    const unknown = await start({}, {}, 'flight');
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'UnknownPipeline']);
  });
});

describe('a dry run', () => {
  it('shows the plan and first rows, and publishes nothing', async () => {
    await start({ runId: 'dry', dryRun: true, blobs: ['flights/b.parquet'], again: true });
    const { body } = await ended('dry');
    const { files, batches } = body.plan as { files: object[]; batches: number };
    assert.deepEqual([files.length, batches, body.manifest], [1, 1, undefined]);
    const { entities } = body.preview as { entities: Record<string, Record<string, unknown>[]> };
    assert.deepEqual(entities.airports?.[1], { airport_id: 'flights.airports+1', code: 'DEN' });
    const [flight] = entities.flights!;
    assert.deepEqual(
      [flight?.flight_id, flight?.origin_id, flight?.destination_id, flight?.route_id, flight?.delay, flight?.late],
      ['flights.flights+0', 'flights.airports+0', 'flights.airports+1', 'flights.routes+0', -3, false],
    );
    assert.deepEqual(
      (await app.names('published')).filter((name) => name.includes('dry')),
      [],
    );
  });
});

describe('runs', () => {
  it('are listed by page and filter', async () => {
    const seen: string[] = [];
    let next: string | undefined = 'runs?limit=2&pipeline=flights';
    for (let page = 0; next !== undefined; page++) {
      assert.ok(page < 50, 'pages come to an end');
      const { body } = contract.check('GET', '/runs', await app.ask('GET', next));
      const runs = body.runs as { runId: string }[];
      assert.ok(runs.length <= 2);
      seen.push(...runs.map(({ runId }) => runId));
      next = body.next as string | undefined;
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(['first', 'by-name', 'dry', 'long'].every((runId) => seen.includes(runId)));
    const whole = (await app.ask('GET', 'runs?limit=100')).body.runs as Record<string, unknown>[];
    assert.deepEqual(
      whole.map(({ runId }) => runId),
      seen,
      'a page at a time is the list',
    );
    const place = (runId: string) => whole.findIndex((run) => run.runId === runId);
    assert.ok(place('long') < place('by-name') && place('by-name') < place('first'), 'the newest first');
    const listed = whole.find(({ runId }) => runId === 'first')!;
    const { body: view } = await app.ask('GET', 'runs/first');
    for (const name of [
      'status',
      'phase',
      'startedAt',
      'finishedAt',
      'durationMs',
      'rowsTotal',
      'idsGiven',
      'startedBy',
    ])
      assert.deepEqual(listed[name], view[name], name);
    assert.deepEqual([listed.rowsTotal, listed.idsGiven], [105, 115]);
    const named = (await app.ask('GET', 'runs?text=BY-NA')).body.runs as { runId: string }[];
    assert.deepEqual(
      named.map(({ runId }) => runId),
      ['by-name'],
    );
    const failed = await app.ask('GET', 'runs?status=Failed&limit=100');
    const runs = failed.body.runs as { runId: string; error: { code: string } }[];
    assert.ok(runs.some(({ runId }) => runId === 'long'));
    assert.deepEqual(
      runs.filter(({ error }) => error.code !== 'SourceEmpty'),
      [],
    );
    assert.deepEqual((await app.ask('GET', 'runs?pipeline=sales&limit=100')).body, { runs: [] });
    const later = new Date(Date.now() + 3_600_000).toISOString();
    assert.deepEqual((await app.ask('GET', `runs?createdFrom=${later}`)).body, { runs: [] });
    assert.equal((await app.ask('GET', 'runs?status=Done')).status, 400);
    assert.equal((await app.ask('GET', 'runs?limit=0')).status, 400);
    for (const token of ['x', '00000000', 'bm90aGluZw', '%00', 'a'.repeat(500)]) {
      const refused = contract.check('GET', '/runs', await app.ask('GET', `runs?continuation=${token}`));
      assert.deepEqual([refused.status, refused.body.code], [400, 'InvalidRequest'], token);
    }
  });

  it('that do not exist are a JSON 404; one that was just started is pending', async () => {
    const unknown = contract.check('GET', '/runs/{runId}', await app.ask('GET', 'runs/nobody'));
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'UnknownRun']);
    assert.equal((await app.ask('GET', 'runs/nobody/outcome')).status, 404);
    assert.equal((await app.ask('GET', `runs/nobody/outcome?started=${Date.now() - 3_600_000}`)).status, 404);
    const pending = await app.ask('GET', `runs/nobody/outcome?started=${Date.now()}&code=abc`);
    assert.equal(contract.check('GET', '/runs/{runId}/outcome', pending).status, 202);
    assert.match(String(pending.headers.get('location')), /runs\/nobody\/outcome\?code=abc/);
    // Other instances of the hub are no runs.
    assert.equal((await app.ask('GET', 'runs/@lease@flights.airports')).status, 404);
  });

  it('that failed are a failure to who follows, and 200 to who asks for that', async () => {
    const failed = await app.ask('GET', 'runs/long/outcome');
    assert.equal(failed.status, 500);
    assert.equal((failed.body.run as { status: string }).status, 'Failed');
    const calm = contract.check(
      'GET',
      '/runs/{runId}/outcome',
      await app.ask('GET', 'runs/long/outcome?failOnError=false'),
    );
    assert.deepEqual([calm.status, calm.body.status], [200, 'Failed']);
  });

  it('may be started again under their ID after a failure', async () => {
    await start({ runId: 'again', blobs: ['flights/late.parquet'] });
    assert.equal((await ended('again')).status, 500);
    await app.upload('landing', 'flights/late.parquet', flightsFile(30, 9));
    await start({ runId: 'again', blobs: ['flights/late.parquet'] });
    assert.equal(rowsOf(await ended('again')).flights, 30);
  });

  it('may be started again by what they were started with', async () => {
    await start({ runId: 'once-more', glob: 'flights/soon/*.parquet', failOnEmpty: true });
    assert.equal((await ended('once-more')).status, 500);
    await app.upload('landing', 'flights/soon/a.parquet', flightsFile(6, 3));
    const restart = async () =>
      contract.check('POST', '/runs/{runId}/restart', await app.ask('POST', 'runs/once-more/restart'));
    assert.equal((await restart()).status, 202);
    const end = await ended('once-more');
    assert.equal(rowsOf(end).flights, 6);
    const left = await restart();
    assert.deepEqual([left.status, left.body.created], [200, false]);
    assert.deepEqual((await ended('once-more')).body, end.body, 'a run that succeeded is left as it is');
  });

  it('can be canceled; what they held is free again', async () => {
    const cancel = async () =>
      contract.check('POST', '/runs/{runId}/cancel', await app.ask('POST', 'runs/stop/cancel', { reason: 'enough' }));
    // It waits for the index, and so has not published before the cancel comes.
    const letGo = await holdIndex({ url: app.url }, 'flights.airports', 'cancel-test');
    await start({ runId: 'stop', again: true });
    assert.ok([200, 202].includes((await cancel()).status));
    const end = await ended('stop');
    await letGo();
    assert.deepEqual([end.status, end.body.code, end.body.detail], [500, 'RunCanceled', 'enough']);
    const twice = await cancel();
    assert.deepEqual([twice.status, twice.body.status], [200, 'Terminated']);
    await start({ runId: 'after', again: true });
    assert.equal((await ended('after')).status, 200);
    assert.equal((await app.ask('POST', 'runs/nobody/cancel')).status, 404);
  });
});

/** What a view says of its times, in milliseconds since 1970, in the order in which they must come. */
function timesOf({ body }: Answer): number[] {
  const phases = (body.phases ?? []) as { at: string }[];
  const all = [body.startedAt, ...phases.map(({ at }) => at), body.finishedAt, body.updatedAt];
  return all.filter((at) => at !== undefined).map((at) => Date.parse(String(at)));
}

const ascends = (list: readonly number[]) => list.every((at, i) => i === 0 || at >= list[i - 1]!);

describe('a run in time', () => {
  const before = Date.now();
  it('says when it began and ended, to the millisecond and in order, however it ended', async () => {
    await start({ runId: 'timed', prefix: 'flights/2001/' });
    await start({ runId: 'timed-out', blobs: ['flights/none.parquet'] });
    const views: Answer[] = [];
    for (const runId of ['timed', 'timed-out']) {
      await ended(runId);
      views.push(contract.check('GET', '/runs/{runId}', await app.ask('GET', `runs/${runId}`)));
    }
    for (const view of views) {
      const { body } = view;
      const at = timesOf(view);
      assert.ok(ascends(at), JSON.stringify(body));
      assert.ok(at[0]! >= before && at.at(-1)! <= Date.now());
      assert.equal(body.durationMs, Date.parse(String(body.finishedAt)) - Date.parse(String(body.startedAt)));
    }
    // Whole seconds would be the backend's own times: not all of these end in zeros.
    const odd = views.flatMap((view) => timesOf(view)).filter((ms) => ms % 1000 !== 0);
    assert.ok(odd.length > 0);
    const failed = (await app.ask('GET', 'runs/timed-out')).body;
    assert.deepEqual([failed.status, failed.phase, failed.failedPhase], ['Failed', 'failed', 'plan']);
    const { activity } = failed.error as { activity: { name: string; attempts: number; ms: number; at: string } };
    assert.deepEqual([activity.name, activity.attempts], ['planRun', 1]);
    assert.ok(activity.ms >= 0 && Date.parse(activity.at) >= before);
  });

  it('shows nothing of an earlier life once it is started again', async () => {
    await start({ runId: 'lived', prefix: 'flights/' });
    for (;;) {
      const { body } = await app.ask('GET', 'runs/lived');
      if ((body.phases as object[] | undefined)?.length || body.status !== 'Pending') break;
    }
    const canceled = await app.ask('POST', 'runs/lived/cancel');
    const first = (await app.ask('GET', 'runs/lived')).body;
    const again = await app.ask('POST', 'runs/lived/restart');
    if (canceled.status === 409) return;
    const since = Date.parse(String(first.startedAt));
    assert.deepEqual([again.status, again.body.created, again.body.life], [202, true, 2]);
    for (;;) {
      const view = contract.check('GET', '/runs/{runId}', await app.ask('GET', 'runs/lived'));
      assert.equal(view.body.life, 2);
      assert.equal(view.body.failedPhase, undefined);
      const at = timesOf(view);
      assert.ok(ascends(at) && at[0]! > since, JSON.stringify(view.body));
      const done = view.body.batches as { done: number; total: number };
      assert.ok(done.done <= done.total || done.total === 0, JSON.stringify(done));
      if (view.body.status === 'Completed') break;
    }
  });

  it('has a timeline of its batches, which outlives a discard', async () => {
    const timeline = async (runId: string, bars = '') =>
      contract.check('GET', '/runs/{runId}/timeline', await app.ask('GET', `runs/${runId}/timeline${bars}`)).body as {
        live: boolean;
        from: string;
        workers: string[];
        groups: { phase: string; count: number; rowsDone: number; tasks?: Record<string, number[]>; slots?: object }[];
      };
    const { from, groups, live, workers } = await timeline('first');
    assert.equal(live, false);
    assert.ok(Date.parse(from) > 0 && workers.length > 0);
    const of = (phase: string) => groups.filter((group) => group.phase === phase);
    assert.deepEqual([of('plan').length, of('split').length, of('resolve').length, of('publish').length], [1, 1, 2, 3]);
    assert.equal(of('split')[0]!.rowsDone, 105);
    for (const { tasks } of groups) {
      const { queued, started, ended: ends } = tasks!;
      queued!.forEach((at, i) => {
        assert.ok(ascends([0, at, started![i]!, ends![i]!]));
      });
    }
    const few = (await timeline('first', '?bars=0')).groups;
    assert.ok(few.every(({ tasks, slots }) => tasks === undefined && slots !== undefined));
    // Its first batch is split, its second is not what its name says: the life is discarded, and its times are left.
    await app.upload('landing', 'flights/torn/a.parquet', flightsFile(120, 5));
    const torn = flightsFile(120, 6);
    torn.fill(0xff, 40, 400);
    await app.upload('landing', 'flights/torn/b.parquet', torn);
    await start({ runId: 'torn', prefix: 'flights/torn/' });
    assert.equal((await ended('torn')).status, 500);
    assert.deepEqual(await app.names('ordinal', 'runs/torn/'), []);
    const left = (await timeline('torn')).groups.map(({ phase }) => phase);
    assert.deepEqual(left.includes('plan') && left.includes('split'), true, left.join());
    const { error, failedPhase } = (await app.ask('GET', 'runs/torn')).body as {
      failedPhase: string;
      error: { activity: { name: string; batch: number } };
    };
    assert.deepEqual([failedPhase, error.activity.name, error.activity.batch], ['split', 'splitBatch', 1]);
    await app.upload('landing', 'flights/torn/b.parquet', flightsFile(120, 6));
  });

  it('counts and names what its prefix holds and it skips', async () => {
    await app.upload('landing', 'flights/mixed/a.parquet', flightsFile(10, 1));
    await app.upload('landing', 'flights/mixed/UPPER.PARQUET', flightsFile(10, 2));
    await app.upload('landing', 'flights/mixed/_SUCCESS', new Uint8Array(0));
    await app.upload('landing', 'flights/mixed/notes.txt', Buffer.from('notes'));
    await start({ runId: 'mixed', prefix: 'flights/mixed/' });
    const { source, routing } = (await ended('mixed')).body as { source: Record<string, unknown>; routing: object };
    assert.deepEqual(
      [source.files, source.skipped],
      [1, { count: 3, blobs: ['flights/mixed/UPPER.PARQUET', 'flights/mixed/_SUCCESS', 'flights/mixed/notes.txt'] }],
    );
    assert.deepEqual(routing, { routed: 10, keysOnly: 0, unrouted: 0, repeated: 0 });
    await start({ runId: 'none', prefix: 'flights/mixed/UPPER', failOnEmpty: true });
    assert.equal((await ended('none')).body.code, 'SourceEmpty');
  });
});

describe('the first rows of a file', () => {
  const rows = async (runId: string, query: string) =>
    contract.check('GET', '/runs/{runId}/rows', await app.ask('GET', `runs/${runId}/rows?${query}`));
  it('are those that another reader sees', async () => {
    const run = await ended('first');
    for (const { entity, files } of run.body.entities as { entity: string; files: { blob: string }[] }[]) {
      const { body } = await rows('first', `entity=${entity}&limit=7`);
      const expected = (await published(files[0]!.blob)).slice(0, 7);
      const names = (body.columns as { name: string }[]).map(({ name }) => name);
      const found = (body.rows as unknown[][]).map((row) => Object.fromEntries(names.map((name, c) => [name, row[c]])));
      const text = (value: unknown) =>
        value instanceof Date ? value.toISOString() : typeof value === 'bigint' ? String(value) : value;
      assert.deepEqual(
        found,
        expected.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(value)]))),
      );
    }
    assert.equal(((await rows('first', 'input=0&limit=3')).body.rows as unknown[]).length, 3);
  });

  it('are refused for what the run does not name', async () => {
    for (const query of ['entity=flight', 'entity=flights&file=9', 'input=99', 'entity=flights&limit=1000', '']) {
      assert.deepEqual(
        [(await rows('first', query)).status, (await rows('first', query)).body.code],
        [400, 'InvalidRequest'],
        query,
      );
    }
    assert.equal((await rows('timed-out', 'entity=flights')).status, 400);
    assert.equal((await rows('nobody', 'entity=flights')).status, 404);
  });
});

describe('a caller who polls', () => {
  it('is told by 304 that nothing has changed', async () => {
    const first = await fetch(`${app.url}/api/runs/first`);
    const etag = first.headers.get('etag')!;
    await first.arrayBuffer();
    const again = await fetch(`${app.url}/api/runs/first`, { headers: { 'if-none-match': etag } });
    assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etag, '']);
    const other = await fetch(`${app.url}/api/runs/first`, { headers: { 'if-none-match': '"x"' } });
    await other.arrayBuffer();
    assert.equal(other.status, 200);
  });
});

describe('one run ID', () => {
  it('can be started again at once after a cancel, every time', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const body = { runId: `prompt-${turn}`, prefix: 'flights/2001/', again: true };
      await start(body);
      await new Promise((resolve) => setTimeout(resolve, 150 * turn));
      const canceled = await app.ask('POST', `runs/${body.runId}/cancel`);
      const again = await start(body);
      assert.ok([200, 202].includes(again.status));
      const end = await ended(body.runId);
      // A run that publishes is let go on: then it is the first life that ends well.
      const publishing = canceled.body.code === 'RunIsPublishing';
      assert.deepEqual([end.status, rowsOf(end).flights], [200, 105], JSON.stringify(end.body));
      if (!publishing && canceled.status === 202) assert.equal(end.body.life, 2);
    }
  });

  it('is one source, whoever comes first: the others are told so', async () => {
    const prefixes = [
      'flights/',
      'flights/a',
      'flights/b',
      'flights/2',
      'flights/20',
      'flights/200',
      'flights/2001',
      'flights/2001/c',
    ];
    const answers = await Promise.all(prefixes.map((prefix) => start({ runId: 'race', prefix })));
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [202, ...Array(7).fill(409)]);
    const won = answers.find(({ status }) => status === 202)!;
    const list = (await app.ask('GET', 'runs?pipeline=flights&limit=100')).body.runs as { runId: string }[];
    assert.equal(list.filter(({ runId }) => runId === 'race').length, 1);
    assert.equal((await ended('race')).status, 200, String(won.body.prefix));
  });
});

describe('housekeeping', () => {
  it('is registered, and finds its way through the instances', async () => {
    const response = await fetch(`${app.url}/admin/functions/housekeeping`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    assert.equal(response.status, 202);
    const swept = () => app.log.find((line) => line.includes('\\"event\\":\\"swept\\"'));
    while (!swept()) await new Promise((resolve) => setTimeout(resolve, 50));
    const { message } = JSON.parse(swept()!) as { message: string };
    assert.deepEqual(JSON.parse(message), {
      event: 'swept',
      ended: 0,
      settling: 0,
      started: 0,
      purged: 0,
      removed: 0,
      complete: true,
    });
  });
});

describe('a deadline', () => {
  const durable = async (method: string, path: string, body: object): Promise<void> => {
    const response = await fetch(`${app.url}/runtime/webhooks/durabletask/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  };

  it('ends a run that waits for what does not come, and it can be run again', async () => {
    // Somebody who lives, and will not let go of the key index.
    const holder = { pipeline: 'flights', to: Date.now() + 3_600_000, quietMs: 1000, waitMsMax: 1000 };
    await durable('POST', 'orchestrators/gatherArrivals/holder', holder);
    await durable('POST', 'entities/lease/flights.airports?op=acquire', { owner: 'holder', attempt: 1 });
    await start({ runId: 'late', glob: 'flights/a.parquet', again: true, deadline: 'PT6S' });
    const end = await ended('late');
    assert.deepEqual([end.status, end.body.code], [500, 'DeadlineExceeded']);
    assert.match(String(end.body.detail), /had not ended by/);
    assert.deepEqual(await app.names('ordinal', 'runs/late/'), []);
    await durable('POST', 'instances/holder/terminate?reason=enough', {});
    await start({ runId: 'late', glob: 'flights/a.parquet', again: true });
    assert.equal((await ended('late')).status, 200);
  });
});

describe('key indexes', () => {
  it('are shown with partitions, segments and leases', async () => {
    const { body } = contract.check('GET', '/keys', await app.ask('GET', 'keys'));
    const airports = (body.indexes as Record<string, unknown>[]).find(({ index }) => index === 'flights.airports')!;
    assert.deepEqual([airports.keys, airports.partitions, airports.used], [5, 1, true]);
    const one = contract.check('GET', '/keys/{index}', await app.ask('GET', 'keys/flights.airports'));
    const [head] = one.body.heads as { keys: number; segments: { keys: number }[] }[];
    assert.equal(
      head!.segments.reduce((sum, { keys }) => sum + keys, 0),
      5,
    );
    const unknown = await app.ask('GET', 'keys/flights.airport');
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'UnknownIndex']);
    assert.match(String(unknown.body.remedy), /flights\.airports/);
    const arrivals = contract.check(
      'GET',
      '/pipelines/{pipeline}/arrivals',
      await app.ask('GET', 'pipelines/flights/arrivals'),
    );
    assert.equal(arrivals.body.waiting, 0);
    const about = contract.check('GET', '/about', await app.ask('GET', 'about'));
    assert.deepEqual(about.body.monitor, { actions: false });
  });
});

describe('the catalogue', () => {
  it('shows pipelines, and a contract that a validator takes', async () => {
    const { body } = contract.check('GET', '/pipelines', await app.ask('GET', 'pipelines'));
    assert.deepEqual(
      (body.pipelines as { name: string }[]).map(({ name }) => name),
      ['flights', 'sales'],
    );
    const one = contract.check('GET', '/pipelines/{pipeline}', await app.ask('GET', 'pipelines/flights'));
    const { properties, required } = one.body.contract as { properties: Record<string, object>; required: string[] };
    assert.deepEqual(properties.origin, { type: 'string', minLength: 3, maxLength: 3 });
    assert.deepEqual(properties.date, { type: 'string', format: 'date-time' });
    assert.ok(required.includes('delay'));
    assert.equal((await app.ask('GET', 'pipelines/none')).status, 404);
  });

  it('shows sequences as their entities stand', async () => {
    const { body } = contract.check('GET', '/sequences', await app.ask('GET', 'sequences'));
    const names = (body.sequences as { name: string }[]).map(({ name }) => name);
    assert.ok(names.includes('flights.flights') && names.includes('sales.order_lines'));
    const used = contract.check('GET', '/sequences/{sequence}', await app.ask('GET', 'sequences/flights.airports'));
    assert.equal(used.body.next, '6');
    const unused = await app.ask('GET', 'sequences/sales.customers');
    assert.equal(unused.body.next, '1');
    assert.equal((await app.ask('GET', 'sequences/none')).status, 404);
  });

  it('answers whatever else is asked for with a JSON object', async () => {
    for (const [method, path] of [
      ['GET', 'nothing/here'],
      ['DELETE', 'runs/first/nothing'],
    ] as const) {
      const { status, body, headers } = await app.ask(method, path);
      assert.deepEqual(
        [status, body.code, headers.get('content-type')],
        [404, 'UnknownRoute', 'application/problem+json'],
      );
    }
    for (const [method, path, allow] of [
      ['GET', 'pipelines/flights/runs', 'POST'],
      ['DELETE', 'runs/first', 'GET'],
      ['PUT', 'pipelines', 'GET'],
    ] as const) {
      const { status, body, headers } = await app.ask(method, path);
      assert.deepEqual([status, body.code, headers.get('allow')], [405, 'MethodNotAllowed', allow]);
    }
  });
});
