/**
 * The monitor page in a real Chromium, against the built app: each page with no runs, with one, with a running and a
 * failed one, and with ten thousand. What axe-core finds, what breaks the page's policy, and any address with a key in
 * it, is a failure. Skipped by name where there is no Chromium.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { chromiumPath, startChromium } from '../support/chromium.ts';
import { SESSION, startEasyAuth } from './support/easy-auth.ts';
import {
  backfillSome,
  failSome,
  hostileName,
  manyBatches,
  manyRuns,
  publishOne,
  publishSales,
  refuseSome,
  startWorld,
  type World,
  waitWithOne,
  withdrawOne,
} from './support/world.ts';

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const KEY = 'key-of-the-functions/+=';
const WORD = 'no Chromium is installed';

let browser: Browser;
let world: World;

/** A tab, and what must not happen in it. */
interface Tab {
  page: Page;
  context: BrowserContext;
  /** Breaches of the policy, errors of scripts, and requests to other places or with a key. */
  faults: string[];
  go(place: string): Promise<void>;
  close(): Promise<void>;
}

interface TabOptions {
  width?: number;
  scheme?: 'light' | 'dark';
  /** Null for a tab that has none. */
  key?: string | null;
  /** Where the page is. @default the app itself */
  at?: string;
}

async function open({ width = 1280, scheme = 'light', key = KEY, at = world.app.url }: TabOptions = {}): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`alert: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    // A refused key and a run that is not there are answers, and the browser says so in its own words.
    if (message.type() === 'error' && !/status of (401|404|400)/.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(at)) faults.push(`asks ${url}`);
    if (decodeURIComponent(url).includes(KEY) || /[?&](code|clientId)=/.test(url)) faults.push(`key in ${url}`);
  });
  if (key !== null) {
    await context.addInitScript(`sessionStorage.setItem('ordinal-key', ${JSON.stringify(key)})`);
  }
  return {
    page,
    context,
    faults,
    async go(place) {
      await page.goto(`${at}/api/monitor#/${place}`);
      await settled(page);
    },
    close: () => context.close(),
  };
}

/** What is shown has come: nothing says that it is loading. */
async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await until(page, async () => !(await page.locator('main').innerText()).includes('Loading…'));
  await page.waitForTimeout(150);
}

/** Waits until something holds. Fails with what the page shows, when that takes minutes. */
async function until(page: Page, holds: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; !(await holds()); looks++) {
    if (looks === 2_000) assert.fail(`the page still shows: ${(await page.locator('main').innerText()).slice(-2_000)}`);
    await page.waitForTimeout(100);
  }
}

interface Violation {
  id: string;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe-core finds, in words. */
async function audit(page: Page): Promise<string[]> {
  // A page keeps it while only its place changes.
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axeSource);
  const violations = await page.evaluate<Violation[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations)",
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary ?? ''}`);
}

/** Nothing is wider than the window: only regions that scroll are. The links of the bar are all in sight. */
async function overflow(page: Page): Promise<number> {
  return await page.evaluate<number>(
    `[document.documentElement, document.querySelector('.bar nav')]
      .reduce((most, { scrollWidth, clientWidth }) => Math.max(most, scrollWidth - clientWidth), 0)`,
  );
}

const areas = [
  'runs',
  'backfills',
  'pipelines',
  'pipelines/flights',
  'pipelines/sales',
  'sequences',
  'keys',
  'keys/flights.airports',
];

const looks = [
  { width: 1280, scheme: 'light', audited: true },
  { width: 360, scheme: 'dark', audited: true },
  // The elements of the first in the colours of the second: only their places are new.
  { width: 2560, scheme: 'dark', audited: false },
] as const;

/** Each place, narrow and wide, light and dark: readable by all, within its window, and without a fault. */
async function look(places: readonly string[]): Promise<void> {
  // Two tabs: while one waits for the app, the other is looked at.
  await Promise.all([0, 1].map((half) => lookAt(places.filter((_, n) => n % 2 === half))));
}

async function lookAt(places: readonly string[]): Promise<void> {
  const tab = await open();
  for (const place of places) {
    await tab.go(place);
    for (const { width, scheme, audited } of looks) {
      await tab.page.emulateMedia({ colorScheme: scheme });
      await tab.page.setViewportSize({ width, height: 900 });
      await settled(tab.page);
      if (audited) assert.deepEqual(await audit(tab.page), [], `${place} at ${width}, ${scheme}`);
      assert.equal(await overflow(tab.page), 0, `${place} at ${width}`);
    }
  }
  assert.deepEqual(tab.faults, []);
  await tab.close();
}

describe.skipIf(chromiumPath === undefined)(`the monitor page (skipped where ${WORD})`, () => {
  beforeAll(async () => {
    [world, browser] = await Promise.all([
      startWorld({ Host__Keys__default: KEY, Host__Keys__master: 'master', ORDINAL_MONITOR_ACTIONS: 'true' }, [
        '--enable-auth',
      ]),
      startChromium(),
    ]);
    world = withKey(world);
  });
  afterAll(async () => {
    await browser?.close();
    await world?.stop();
  });

  it('asks for the key once, keeps it for the tab, and puts it into no address', async () => {
    const tab = await open({ key: null });
    await tab.page.goto(`${world.app.url}/api/monitor`);
    const field = tab.page.getByLabel('Function key');
    await field.waitFor();
    assert.deepEqual(await audit(tab.page), []);
    // No header takes this one: it is not sent, and the field is still there.
    await field.fill('key \u2013 of the app');
    await tab.page.keyboard.press('Enter');
    await tab.page.getByText('That is not a key').waitFor();
    assert.deepEqual(await audit(tab.page), []);
    await field.fill('wrong');
    await tab.page.keyboard.press('Enter');
    await tab.page.getByText('The app refused that key.').waitFor();
    await field.fill(KEY);
    await tab.page.getByRole('button', { name: 'Open' }).click();
    await tab.page.getByText('No run yet.').waitFor();
    for (const area of ['Backfills', 'Pipelines', 'Sequences', 'Keys']) {
      await tab.page.getByRole('link', { name: area, exact: true }).click();
      await settled(tab.page);
      assert.equal(await tab.page.getByRole('dialog').count(), 0);
    }
    assert.ok(!tab.page.url().includes(KEY));
    const kept = await tab.page.evaluate<string[]>('[Object.values(localStorage).join(), document.cookie]');
    assert.ok(
      kept.every((text) => !text.includes('key-of')),
      'the key is in the session storage alone',
    );
    const other = await tab.context.newPage();
    await other.goto(`${world.app.url}/api/monitor`);
    await other.getByLabel('Function key').waitFor();
    assert.deepEqual(tab.faults, []);
    await tab.close();
  });

  it('takes a key out of an address that has one, at once', async () => {
    const tab = await open({ key: null });
    await tab.page.goto(`${world.app.url}/api/monitor?code=${encodeURIComponent(KEY)}#/keys`);
    await settled(tab.page);
    assert.equal(tab.page.url(), `${world.app.url}/api/monitor#/keys`);
    await tab.page.getByRole('link', { name: 'flights.airports' }).waitFor();
    await tab.close();
  });

  it('is served with a strict policy, and is small', async () => {
    const page = await fetch(`${world.app.url}/api/monitor`, { headers: { 'accept-encoding': 'identity' } });
    const html = await page.text();
    const policy = page.headers.get('content-security-policy') ?? '';
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"])
      assert.ok(policy.includes(part), policy);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
    assert.doesNotMatch(html, /<script>|<style|\son\w+=|https?:\/\//);
    let bytes = gzipSync(html).length;
    for (const [, name] of html.matchAll(/(?:src|href)="monitor\/([^"]+)"/g)) {
      for (const path of [`monitor/${name}`, `monitor/monitor/${name}`]) {
        const file = await fetch(`${world.app.url}/api/${path}`, { headers: { 'accept-encoding': 'identity' } });
        const content = Buffer.from(await file.arrayBuffer());
        assert.equal(file.status, 200, path);
        assert.match(file.headers.get('cache-control') ?? '', /immutable/);
        if (path.startsWith('monitor/monitor')) continue;
        bytes += gzipSync(content).length;
        assert.doesNotMatch(content.toString(), /https?:\/\/(?!www\.w3\.org)/, 'nothing comes from elsewhere');
      }
    }
    assert.ok(bytes < 200_000, `${bytes} bytes, gzipped`);
    const etag = page.headers.get('etag')!;
    const again = await fetch(`${world.app.url}/api/monitor`, { headers: { 'if-none-match': etag } });
    assert.equal(again.status, 304);
    const none = await fetch(`${world.app.url}/api/monitor/..%2fpackage.json`);
    assert.equal(none.status, 404);
    await none.arrayBuffer();
  });

  it('shows each area with no runs', async () => {
    await look([...areas, 'runs/nobody', 'nowhere']);
  });

  it('shows one run: its figures, its batches in time, what went where, and its data', async () => {
    await publishOne(world);
    await look([...areas, 'runs/january', 'data/january/flights', 'data/january/inputs/0']);
    const tab = await open();
    await tab.go('runs/january');
    const text = await tab.page.locator('main').innerText();
    for (const said of [
      'Completed',
      '60,000',
      'split',
      'publish',
      'flights/2001/01.parquet',
      'airports',
      'Rows per second',
    ])
      assert.ok(text.includes(said), said);
    assert.ok((await tab.page.locator('.bars .worked').count()) >= 13, 'a bar for each task');
    await tab.page.getByRole('link', { name: 'published' }).count();
    await tab.page.locator('.outputs a').first().click();
    await settled(tab.page);
    assert.match(tab.page.url(), /#\/data\/january\/airports\/new\/0$/);
    assert.ok((await tab.page.locator('.data tbody tr').count()) > 50);
    assert.deepEqual(tab.faults, []);
    await tab.close();
  });

  it('shows a run that waits, and cancels it after a question', async () => {
    const { letGo } = await waitWithOne(world);
    await look(['runs', 'runs/waiting', 'sequences', 'keys/flights.airports']);
    const tab = await open();
    await tab.go('runs/waiting');
    await tab.page.getByText('Waits for').waitFor();
    await tab.page.getByText('nightly-export').waitFor();
    await tab.go('sequences');
    const leases = await tab.page.getByRole('region', { name: 'Leases' }).first().innerText();
    assert.match(leases, /nightly-export[\s\S]*waiting/);
    await tab.go('runs/waiting');
    await tab.page.getByRole('button', { name: 'Cancel the run' }).click();
    assert.deepEqual(await audit(tab.page), []);
    await tab.page.keyboard.press('Escape');
    assert.equal(await tab.page.getByRole('dialog').count(), 0);
    await tab.page.getByRole('button', { name: 'Cancel the run' }).click();
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
    await tab.page.getByText('RunCanceled').waitFor();
    await tab.page.getByRole('button', { name: 'Start it again' }).click();
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Start it again' }).click();
    // What is drawn is of the new life, which goes on.
    await tab.page
      .locator('.gantt')
      .getByText(/The run goes on|No task has ended yet/)
      .waitFor();
    await tab.page.getByRole('button', { name: 'Cancel the run' }).click();
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
    await tab.page.getByText('RunCanceled').waitFor();
    assert.deepEqual(tab.faults, []);
    await tab.close();
    await letGo();
  });

  it('shows the failure first, and hostile names as text', async () => {
    await failSome(world);
    await refuseSome(world, 'january');
    await look(['runs', 'runs/torn', 'runs/hostile', 'data/january/refused']);
    const tab = await open({ width: 360 });
    await tab.go('runs/hostile');
    const main = tab.page.locator('main');
    const first = await main.locator('h2').first().innerText();
    assert.match(first, /Failed: SourceEmpty/);
    const text = await main.innerText();
    assert.ok(text.includes(hostileName.slice(0, 80)), 'the name as it is');
    assert.ok(text.includes('<b>ann</b>@example.com'));
    assert.ok(text.includes('What to do'));
    assert.equal(await tab.page.locator('main script, main img, main b').count(), 0);
    await tab.go('runs/torn');
    const failed = await tab.page.locator('.failure').innerText();
    for (const said of ['flights/torn/a.parquet', 'splitBatch, batch', '1 time', '"event":"activity"', 'split'])
      assert.ok(failed.includes(said), `${said} of ${failed}`);
    await tab.go('data/january/refused');
    assert.ok((await main.innerText()).includes('<img src=x onerror=alert(4)>'));
    assert.deepEqual(tab.faults, []);
    await tab.close();
  });

  it('shows a withdrawn run as such, with who withdrew it and which IDs are retired', async () => {
    await withdrawOne(world);
    await look(['runs', 'runs?status=Withdrawn', 'runs/mistaken']);
    const tab = await open();
    await tab.go('runs');
    await tab.page.getByLabel('State').selectOption('Withdrawn');
    await tab.page.waitForURL(/status=Withdrawn/);
    const row = tab.page.locator('tbody tr', { hasText: 'mistaken' });
    await row.waitFor();
    assert.equal(await tab.page.locator('.table.long tbody tr:not(.gap)').count(), 1);
    assert.match(await row.innerText(), /Withdrawn[\s\S]*taken back by <b>ann<\/b>@example\.com/);
    await tab.page.getByLabel('State').selectOption('Completed');
    await tab.page.waitForURL(/status=Completed/);
    await tab.page.getByRole('link', { name: 'january' }).first().waitFor();
    assert.equal(await row.count(), 0);
    await tab.go('runs/mistaken');
    const said = await tab.page.locator('.failure').innerText();
    for (const words of [
      'Withdrawn',
      '<b>ann</b>@example.com',
      '<i>day</i>',
      'flights.flights',
      '9,000',
      '60,001 (9,000)',
    ])
      assert.ok(said.includes(words), `${words} of ${said}`);
    assert.equal(await tab.page.locator('main i, main b').count(), 0);
    await tab.go('pipelines');
    const pipeline = tab.page.locator('tbody tr', { hasText: 'landing/flights/' });
    await pipeline.getByText('Withdrawn').waitFor();
    assert.deepEqual(tab.faults, []);
    await tab.close();
  });

  it('shows backfills: one that is done, and one that was stopped, which goes on after a question', async () => {
    await backfillSome(world);
    await look(['backfills', 'backfills/history-good', 'backfills/history-bad', 'backfills/nobody']);
    const tab = await open();
    await tab.go('backfills');
    const text = await tab.page.locator('main').innerText();
    for (const said of ['history-good', 'history-bad', '3 of 3', '1 of 3', 'CorruptFile', 'Completed', 'Failed'])
      assert.ok(text.includes(said), `${said} of ${text}`);
    await tab.page.getByRole('link', { name: 'history-bad' }).click();
    await settled(tab.page);
    assert.match(await tab.page.locator('.failure').innerText(), /Stopped: [\s\S]*history-bad-00002/);
    await tab.page.getByRole('button', { name: 'Go on with it' }).click();
    assert.deepEqual(await audit(tab.page), []);
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Go on with it' }).click();
    // The file is still damaged: its run is started again, and fails as its second life.
    while ((await world.app.ask('GET', 'runs/history-bad-00002')).body.life !== 2) await tab.page.waitForTimeout(100);
    await tab.go('runs/history-good-00001');
    assert.match(await tab.page.locator('main').innerText(), /Started by\s+history-good/);
    assert.deepEqual(tab.faults, []);
    await tab.close();
  });

  it('keeps filters in the address, and can be used by the keyboard alone', async () => {
    await publishSales(world);
    const tab = await open();
    await tab.go('runs');
    await tab.page.getByLabel('Pipeline').selectOption('sales');
    await tab.page.waitForURL(/pipeline=sales/);
    await tab.page.getByRole('link', { name: 'orders-w47' }).first().waitFor();
    assert.equal(await tab.page.getByRole('link', { name: 'torn' }).count(), 0);
    await tab.page.getByLabel('State').selectOption('Failed');
    await tab.page.getByText('No run fits these filters.').waitFor();
    await tab.page.reload();
    await tab.page.getByText('No run fits these filters.').waitFor();
    await tab.go('runs?text=orders');
    const field = tab.page.getByLabel('Run ID');
    assert.equal(await field.inputValue(), 'orders');
    // A link to all runs leads to all runs, and Back to those that were looked for.
    await tab.page.getByRole('link', { name: 'Runs', exact: true }).click();
    await tab.page.getByRole('link', { name: 'january' }).first().waitFor();
    await tab.page.waitForTimeout(600);
    assert.match(tab.page.url(), /#\/runs$/);
    assert.equal(await field.inputValue(), '');
    await tab.page.goBack();
    await tab.page.waitForURL(/text=orders/);
    await tab.page.waitForTimeout(600);
    assert.match(tab.page.url(), /text=orders/);
    assert.equal(await field.inputValue(), 'orders');
    const row = tab.page.locator('td a', { hasText: 'orders-w47' });
    await row.waitFor();
    for (let presses = 0; presses < 40; presses++) {
      if ((await tab.page.evaluate('document.activeElement?.textContent')) === 'orders-w47') break;
      await tab.page.keyboard.press('Tab');
    }
    await tab.page.keyboard.press('Enter');
    await tab.page.waitForURL(/runs\/orders-w47$/);
    await settled(tab.page);
    const text = await tab.page.locator('main').innerText();
    for (const said of ['new keys', 'keys', '2 blobs under the prefix were skipped', 'w47.PARQUET'])
      assert.ok(text.includes(said), said);
    assert.deepEqual(tab.faults, []);
    await tab.close();
  });

  it('stays fluid with ten thousand runs, and with a run of forty thousand batches', async () => {
    await manyRuns(world, 10_000);
    await manyBatches(world, 'orders-w47', 40_000);
    await look(['runs', 'runs/orders-w47', 'pipelines/flights']);
    const tab = await open();
    // A page that fails is asked for again, although nobody can scroll on at the end of the list.
    await tab.page.route(/runs\?.*continuation=/, (route) => route.fulfill({ status: 503 }), { times: 1 });
    await tab.go('runs');
    const rows = () => tab.page.locator('.table.long tbody tr:not(.gap)').count();
    const total = async () => Number(await tab.page.locator('.table.long').getAttribute('aria-rowcount'));
    await until(tab.page, async () => {
      await tab.page.keyboard.press('End');
      assert.ok((await rows()) < 120, 'only what is on the screen is in the page');
      return (await total()) > 500;
    });
    // A page of fifty, then whole pages of a hundred, and a header: no run is there twice.
    assert.equal(((await total()) - 51) % 100, 0, `${await total()} rows`);
    // Newer runs push none out of the list.
    const before = await total();
    await manyRuns(world, 3, { newest: Date.now(), name: 'newer' });
    await until(tab.page, async () => (await total()) !== before);
    assert.ok((await total()) >= before + 3, `${before} rows, then ${await total()}`);
    await tab.go('runs/orders-w47');
    assert.ok((await tab.page.locator('.areas path').count()) >= 2, 'areas in place of bars');
    assert.ok((await tab.page.locator('svg *').count()) < 600);
    assert.deepEqual(
      tab.faults.map((fault) => /status of 503/.test(fault)),
      [true],
    );
    await tab.close();
  });

  it('goes through App Service authentication by its cookie, and says so when the sign-in has ended', async () => {
    const door = await startEasyAuth(world.app.url, 'ann@example.com');
    try {
      const tab = await open({ at: door.url });
      await tab.context.addCookies([{ ...SESSION, url: door.url, httpOnly: true }]);
      await tab.go('pipelines/flights');
      assert.equal(await tab.page.getByRole('dialog').count(), 0, 'nothing is asked');
      assert.ok(door.passed.length > 3 && door.passed.every(({ key }) => key), JSON.stringify(door.passed));
      await tab.page.getByRole('button', { name: 'Start a run' }).click();
      await tab.page.getByLabel('Run ID').fill('by-ann');
      await tab.page.getByLabel(/Dry run/).check();
      await tab.page.getByRole('button', { name: 'Start it' }).click();
      await tab.page.waitForURL(/runs\/by-ann$/);
      await tab.page.getByText('ann@example.com').waitFor();
      // Nobody takes another's name.
      const spoofed = `fetch('/api/runs/by-ann/restart', { method: 'POST', body: '{}', headers: {
        'x-functions-key': sessionStorage.getItem('ordinal-key'), 'x-ms-client-principal-name': 'eve' } })`;
      await tab.page.evaluate(`${spoofed}.then((answer) => answer.text())`);
      assert.doesNotMatch(JSON.stringify((await world.app.ask('GET', 'runs/by-ann')).body), /eve/);
      door.open = false;
      for (const action of ['Return401', 'RedirectToLoginPage'] as const) {
        door.action = action;
        await tab.page.evaluate(`location.hash = '#/keys/${action}'`);
        const said = tab.page.getByRole('alert');
        await said.getByText('Your sign-in to this app has ended.').waitFor();
        assert.match(await said.innerText(), /Load this page again/);
        assert.equal(await tab.page.getByRole('dialog').count(), 0, 'it is no matter of the key');
        assert.deepEqual(await audit(tab.page), []);
      }
      // The browser speaks of where it was sent, and does not go there.
      assert.equal(door.logins, 0);
      assert.deepEqual(
        tab.faults.filter((fault) => fault !== `asks ${door.loginUrl}`),
        [],
      );
      await tab.close();
    } finally {
      await door.stop();
    }
  });

  it('asks seldom while nothing changes, and moves nothing then', async () => {
    const tab = await open();
    const answers: number[] = [];
    tab.page.on('response', (response) => {
      if (/\/api\/sequences$/.test(response.url())) answers.push(response.status());
    });
    await tab.go('sequences');
    await tab.page.waitForTimeout(9_000);
    assert.equal(answers[0], 200);
    assert.ok(answers.length >= 2 && answers.length <= 5, answers.join());
    assert.deepEqual(new Set(answers.slice(1)), new Set([304]));
    await tab.close();
  });
});

/** The same app, asked with the key. */
function withKey(of: World): World {
  const { app } = of;
  const ask: World['app']['ask'] = (method, path, body, headers = {}) =>
    app.ask(method, path, body, { ...headers, 'x-functions-key': KEY });
  return { ...of, masterKey: 'master', app: { ...app, ask } };
}
