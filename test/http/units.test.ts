/** What the doors decide by themselves: addresses, call-backs, globs, deadlines. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { pipelines } from '../../pipelines/index.ts';
import { checkCallBack } from '../../src/callback/allowed-address.ts';
import { globMatcher, globPrefix } from '../../src/documents/selection.ts';
import { shortened } from '../../src/durable/activity.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { deadlineOf } from '../../src/http/deadline.ts';
import { routes, unknownRoute } from '../../src/http/routes.ts';
import { startRun } from '../../src/http/start.ts';
import { apiRoot, resourceUrl } from '../../src/http/urls.ts';
import { limits } from '../../src/limits.ts';
import { withFaults } from '../support/faults.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { StandingRuns } from './support/runs.ts';

const request = (url: string, headers: Record<string, string> = {}) => ({
  url,
  headers: new Headers(headers) as never,
  query: new URL(url).searchParams as never,
});

describe('addresses', () => {
  const none = { publicUrl: undefined, hostname: undefined };
  it('are those by which the caller came', () => {
    const direct = request('https://app.azurewebsites.net/api/runs/x/outcome?code=k');
    assert.equal(apiRoot(direct, 3, none).href, 'https://app.azurewebsites.net/api/');
    const proxied = request('http://10.0.0.4:8080/api/runs/', {
      'x-forwarded-host': 'api.example.com, app.azurewebsites.net',
      'x-forwarded-proto': 'https',
    });
    assert.equal(apiRoot(proxied, 1, none).href, 'https://api.example.com/api/');
    // With a key in the query, answers carry the key: a header must not say where it goes.
    for (const key of ['code', 'clientId']) {
      const keyed = request(`https://app.azurewebsites.net/api/runs/?${key}=k`, { 'x-forwarded-host': 'evil.example' });
      assert.equal(
        resourceUrl(apiRoot(keyed, 1, none), keyed, 'runs/y'),
        `https://app.azurewebsites.net/api/runs/y?${key}=k`,
      );
    }
    const inside = request('http://0.0.0.0:80/api/runs');
    assert.equal(apiRoot(inside, 1, { ...none, hostname: 'app.azurewebsites.net' }).host, 'app.azurewebsites.net');
    const given = { ...none, publicUrl: 'https://gateway.example.com/ordinal/api' };
    assert.equal(
      resourceUrl(apiRoot(direct, 3, given), direct, 'runs/y'),
      'https://gateway.example.com/ordinal/api/runs/y?code=k',
    );
  });

  it('take no host that is none', () => {
    const odd = request('https://app.azurewebsites.net/api/runs', { 'x-forwarded-host': 'evil.com/x?y=' });
    assert.equal(apiRoot(odd, 1, none).host, 'app.azurewebsites.net');
  });
});

describe('call-backs', () => {
  const { callBack } = parseConfig({ AzureWebJobsStorage: 'x' });
  const allowed = (uri: string, settings = callBack) => {
    try {
      checkCallBack(settings, uri);
      return true;
    } catch {
      return false;
    }
  };
  it('go to Data Factory over HTTPS, and nowhere else', () => {
    assert.ok(allowed('https://dpeastus.svc.datafactory.azure.com/dataplane/workflow/callback/1?x=2'));
    assert.ok(allowed('https://dpeastus.svc.datafactory.azure.com:443/x'));
    for (const uri of [
      'http://dpeastus.svc.datafactory.azure.com/x',
      'https://dpeastus.svc.datafactory.azure.com:8443/x',
      'https://user:secret@dpeastus.svc.datafactory.azure.com/x',
      'https://datafactory.azure.com/x',
      'https://evildatafactory.azure.com/x',
      'https://dp.datafactory.azure.com.evil.com/x',
      'https://evil.com/dp.datafactory.azure.com',
      'https://127.0.0.1/x',
      'http://127.0.0.1/x',
      'http://169.254.169.254/metadata',
    ]) {
      assert.equal(allowed(uri), false, uri);
    }
  });

  it('go to this machine only where a setting says so, and not to others by its name', () => {
    const loopback = { ...callBack, loopback: true };
    assert.ok(allowed('http://127.0.0.1:999/x', loopback));
    assert.equal(allowed('http://127.0.0.1.evil.com/x', loopback), false);
    assert.equal(allowed('http://localhost@evil.com/x', loopback), false);
  });
});

/** The same glob as a regular expression: what it means, at any price. */
function expressionOf(glob: string): RegExp {
  const stands: Record<string, string> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };
  const quoted = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  const pattern = glob.replace(/\*\*\/|\*\*|\*|\?|\{([^{}]*)\}|[^*?]/g, (token: string, list: string | undefined) =>
    list === undefined ? (stands[token] ?? quoted(token)) : `(?:${list.split(',').map(quoted).join('|')})`,
  );
  return new RegExp(`^${pattern}$`, 's');
}

describe('globs', () => {
  it('match as folders say', () => {
    const cases: [glob: string, takes: string[], leaves: string[]][] = [
      ['f/*.parquet', ['f/a.parquet', 'f/.parquet'], ['f/a/b.parquet', 'g/a.parquet', 'f/a.parquetx']],
      ['f/**/*.parquet', ['f/a.parquet', 'f/a/b/c.parquet'], ['fa.parquet']],
      ['f/**', ['f/', 'f/a/b'], ['f']],
      ['f/20??/{a,b.c}.parquet', ['f/2001/a.parquet', 'f/2002/b.c.parquet'], ['f/2001/bxc.parquet', 'f/200/a.parquet']],
      ['f/[a]+(1).parquet', ['f/[a]+(1).parquet'], ['f/a1.parquet']],
      ['f/[1]*.parquet', ['f/[1].parquet', 'f/[1]x.parquet'], ['f/1.parquet', 'f/11.parquet']],
      ['f/!a*', ['f/!a', 'f/!ab'], ['f/b', 'f/a']],
      ['!f/*', ['!f/a'], ['f/a', 'g/a']],
      ['f/*', ['f/.hidden', 'f/..x', 'f/a'], ['f/a/b']],
      ['f/{a,}x{*,?}', ['f/ax*', 'f/x?'], ['f/axb', 'f/bx*']],
      ['f/{a', ['f/{a'], ['f/a']],
      ['f/***/a', ['f/x/y/a', 'f//a'], ['f/a']],
    ];
    for (const [glob, takes, leaves] of cases) {
      const matches = globMatcher(glob);
      for (const name of takes) assert.ok(matches(name), `${glob} takes ${name}`);
      for (const name of leaves) assert.ok(!matches(name), `${glob} leaves ${name}`);
    }
  });

  it('match as the expression says that each of their parts stands for', () => {
    const part = fc.constantFrom('a', 'b', '/', '*', '**', '**/', '?', '{a,b/}', '{', '.', '[', '!');
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '[', '!', '{'), maxLength: 9 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), name, (parts, text) => {
        const glob = parts.join('');
        assert.equal(globMatcher(glob)(text), expressionOf(glob).test(text), `${glob} and ${text}`);
      }),
      { numRuns: 5000 },
    );
  });

  it('take time linear in each wildcard: none that is hostile holds up the rest', () => {
    // As an expression this one takes longer than anybody waits.
    const glob = `${'*a'.repeat(500)}*b`;
    assert.equal(globMatcher(glob)('a'.repeat(1000)), false);
    assert.equal(globMatcher(glob)(`${'a'.repeat(1000)}b`), true);
  });

  it('match nothing outside their fixed beginning', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '{', '}', ',', '.') }),
        fc.string(),
        (glob, name) => {
          if (globMatcher(glob)(name)) assert.ok(name.startsWith(globPrefix(glob)));
        },
      ),
    );
  });
});

describe('deadlines', () => {
  const now = new Date('2026-03-01T00:00:00Z');
  it('are times or durations, to come and not too far away', () => {
    assert.equal(deadlineOf(undefined, now, 24), '2026-03-02T00:00:00.000Z');
    assert.equal(deadlineOf('PT1H30M', now, 24), '2026-03-01T01:30:00.000Z');
    assert.equal(deadlineOf('P1D', now, 24), '2026-03-02T00:00:00.000Z');
    assert.equal(deadlineOf('2026-03-01T05:00:00+02:00', now, 24), '2026-03-01T03:00:00.000Z');
    assert.throws(() => deadlineOf('2026-02-28T00:00:00Z', now, 24), /has passed/);
    assert.throws(() => deadlineOf('P2D', now, 24), /more than 24 hours/);
  });
});

describe('a start', () => {
  it("asks the storage for the run's claims and start and nothing else: what there is to read is found out in the run", async () => {
    const store = withFaults(new MemoryStore(), ({ container, name }) => {
      assert.match(`${container}/${name}`, /^ordinal\/(lives\/new-\d\/|starts\/\d{13}-new-\d$)/);
    });
    const runs = new StandingRuns();
    const environment = { store, config: parseConfig({ AzureWebJobsStorage: 'x' }), pipelines };
    let runId = 0;
    const door = { environment, runs, now: new Date(), newRunId: () => `new-${runId++}`, hostname: undefined };
    for (const body of [{}, { glob: 'flights/**' }, { blobs: ['flights/a.parquet'] }]) {
      runs.instances.clear();
      const text = async () => JSON.stringify(body);
      const posted = { ...request('https://app/api/pipelines/flights/runs'), params: { pipeline: 'flights' }, text };
      assert.equal((await startRun(door, posted as never)).status, 202);
    }
    assert.equal(runs.started.length, 3);
  });
});

describe('routes', () => {
  // Azure's host takes the first that matches, in the alphabetical order of functions; the local host the most specific.
  it('do not hide each other, in the order in which the Functions host tries them', () => {
    const all = [
      ...routes.map(({ name, method, path }) => ({ name, methods: [method as string], path })),
      unknownRoute as { name: string; methods: string[]; path: string },
    ].sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
    const pattern = (path: string) =>
      new RegExp(
        `^${path
          .replace(/[.]/g, '\\.')
          .replace(/\{\*\w+\}/, '.*')
          .replace(/\{\w+\}/g, '[^/]+')}$`,
        'i',
      );
    for (const { name, method, path } of routes) {
      const asked = path.replace(/\{\w+\}/g, 'x');
      const first = all.find((each) => each.methods.includes(method) && pattern(each.path).test(asked));
      assert.equal(first?.name, name, `${method} ${asked}`);
    }
    assert.equal(all.at(-1)?.name, unknownRoute.name);
  });
});

describe('errors', () => {
  it('are cut to what a custom status holds, whatever they quote', () => {
    const text = fc.oneof(
      fc.string({ minLength: 900, maxLength: 5000 }),
      fc.constant('\u0000'.repeat(5000)),
      fc.constant('😀'.repeat(3000)),
    );
    fc.assert(
      fc.property(text, text, text, (message, blob, remedy) => {
        const where = { pipeline: 'p', entity: 'e', blob, column: blob, field: 'f', row: 1 };
        const error = shortened({ code: 'InvalidValue', message, retryable: false, where, remedy });
        const status = { phase: 'failed', pipeline: 'x'.repeat(63), prefix: 'é'.repeat(1024), startedAt: '', error };
        assert.ok(JSON.stringify(status).length * 2 <= limits.customStatusBytesMax);
      }),
    );
    const short = { code: 'InvalidValue', message: 'm', retryable: false, where: { blob: 'b', row: 3 } } as const;
    assert.deepEqual(shortened(short), short);
  });
});

describe('settings', () => {
  it('of the short way are bytes, and none by 0', () => {
    const parse = (text?: string) => parseConfig({ AzureWebJobsStorage: 'x', ORDINAL_SHORT_BYTES: text }).shortBytesMax;
    assert.deepEqual([parse(), parse('0'), parse('1000')], [128 * 1024 * 1024, 0, 1000]);
    for (const text of ['-1', 'none', '1e12', '1.5']) {
      assert.throws(() => parse(text), { code: 'InvalidSettings', message: /ORDINAL_SHORT_BYTES/ }, text);
    }
  });

  it('of threads are a number that a process can have', () => {
    const parse = (text?: string) => parseConfig({ AzureWebJobsStorage: 'x', ORDINAL_THREADS: text }).threads;
    assert.deepEqual([parse('1'), parse('16')], [1, 16]);
    assert.equal(parse(), Math.min(4, availableParallelism()));
    for (const text of ['0', '17', '1.5', 'all']) {
      assert.throws(() => parse(text), { code: 'InvalidSettings', message: /ORDINAL_THREADS/ }, text);
    }
  });

  it('of arrivals are refused by name', () => {
    const parse = (text: string) => parseConfig({ AzureWebJobsStorage: 'x', ORDINAL_ARRIVAL: text });
    const quiet = { on: 'quiet', seconds: 60, waitSecondsMax: 3600 };
    assert.deepEqual(parse('a=blob, b_c=marker,d=marker:_DONE,e=quiet,f=quiet:5,g=quiet:5:600,h=never').arrivals, {
      a: { on: 'blob' },
      b_c: { on: 'marker', name: '_SUCCESS' },
      d: { on: 'marker', name: '_DONE' },
      e: quiet,
      f: { ...quiet, seconds: 5 },
      g: { ...quiet, seconds: 5, waitSecondsMax: 600 },
      h: { on: 'never' },
    });
    assert.deepEqual(parse('').arrivals, {});
    for (const [text, says] of [
      ['flights=quite', /ORDINAL_ARRIVAL: flights: on: 'quite' is no mode of arrival\. Use 'quiet', if/],
      ['flights=quiet:0', /ORDINAL_ARRIVAL: flights: seconds: Too small/],
      ['flights=quiet:soon', /flights: seconds: /],
      ['flights=quiet:1:2:3', /flights: 3: 'quiet' has no such option/],
      ['flights=blob:x', /flights: x: 'blob' has no such option/],
      ['flights=never:x', /flights: on: 'never' is no mode/],
      ['flights=marker:a/b', /flights: name: .*has a '\/'/],
      ['flights=', /flights: on: '' is no mode/],
      ['flights=blob,flights=quiet', /flights is there twice/],
      ['flights', /'flights' is not PIPELINE=MODE/],
      ['{"flights":{"on":"blob"}}', /is not PIPELINE=MODE, as in flights=quiet:60/],
    ] as const) {
      assert.throws(() => parse(text), { code: 'InvalidSettings', message: says }, text);
    }
  });
});
