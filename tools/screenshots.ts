/**
 * Makes the pictures of the monitor page for docs/monitor.md: an app with runs in every state, in a real Chromium, in
 * light and dark, narrow and wide. Run it after a change of the page, and look at what it made.
 *
 *   npm run build && node tools/screenshots.ts [--out docs/monitor] [--every]
 *
 * With `--every`, each page is taken in both colours and at all widths, as PNG, for whoever works on the page.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import {
  backfillSome,
  failSome,
  manyBatches,
  manyRuns,
  publishOne,
  publishSales,
  refuseSome,
  startWorld,
  waitWithOne,
  withdrawOne,
} from '../test/monitor/support/world.ts';
import { startChromium } from '../test/support/chromium.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'docs/monitor' },
    every: { type: 'boolean', default: false },
    runs: { type: 'string', default: '400' },
  },
});

type Scheme = 'light' | 'dark';
interface Shot {
  name: string;
  place: string;
  width: number;
  height: number;
  scheme: Scheme;
}

/** What the documentation shows. */
const shown: Shot[] = [
  { name: 'runs', place: 'runs', width: 1440, height: 860, scheme: 'light' },
  { name: 'run', place: 'runs/orders-w47', width: 1440, height: 1500, scheme: 'light' },
  { name: 'run-wide', place: 'runs/orders-w47', width: 2560, height: 1300, scheme: 'dark' },
  { name: 'failed', place: 'runs/torn', width: 1440, height: 1000, scheme: 'dark' },
  { name: 'narrow', place: 'runs', width: 360, height: 740, scheme: 'light' },
  { name: 'many', place: 'runs/january', width: 1440, height: 1000, scheme: 'light' },
  { name: 'withdrawn', place: 'runs/mistaken', width: 1440, height: 700, scheme: 'dark' },
  { name: 'backfill', place: 'backfills/history-bad', width: 1440, height: 700, scheme: 'light' },
  { name: 'sequences', place: 'sequences', width: 1440, height: 700, scheme: 'light' },
  { name: 'pipeline', place: 'pipelines/flights', width: 1440, height: 1100, scheme: 'light' },
];

const places = [
  ...['runs', 'runs/orders-w47', 'runs/torn', 'runs/hostile', 'runs/waiting', 'runs/january', 'runs/nobody'],
  ...[
    'runs?pipeline=none',
    'runs/mistaken',
    'backfills',
    'backfills/history-bad',
    'backfills/history-good',
    'sequences',
    'keys',
    'keys/sales.orders',
    'pipelines',
    'pipelines/flights',
    'pipelines/sales',
  ],
  ...['data/orders-w47/order_lines', 'data/january/refused'],
];

const every = (): Shot[] =>
  places.flatMap((place) =>
    [360, 2560].flatMap((width) =>
      (['light', 'dark'] as const).map((scheme) => ({
        name: `${place.replace(/[^\w]+/g, '_')}-${width}-${scheme}`,
        place,
        width,
        height: width === 360 ? 760 : 1100,
        scheme,
      })),
    ),
  );

async function shoot(browser: Browser, base: string, { name, place, width, height, scheme }: Shot): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && console.log(`${name}: ${message.text()}`));
  page.on('pageerror', (error) => console.log(`${name}: ${error.message}`));
  await page.goto(`${base}/api/monitor#/${place}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  while ((await page.locator('main').innerText()).includes('Loading…')) await page.waitForTimeout(100);
  await page.waitForTimeout(400);
  const out = path.join(values.out, name);
  if (values.every) await page.screenshot({ path: `${out}.png`, fullPage: true });
  else {
    const cdp = await context.newCDPSession(page);
    const { data } = await cdp.send('Page.captureScreenshot', { format: 'webp', quality: 70 });
    await writeFile(`${out}.webp`, Buffer.from(data, 'base64'));
  }
  await context.close();
}

await mkdir(values.out, { recursive: true });
const world = await startWorld({ ORDINAL_MONITOR_ACTIONS: 'true' });
try {
  await publishOne(world);
  await publishSales(world);
  await failSome(world);
  await withdrawOne(world);
  await backfillSome(world);
  await refuseSome(world, 'january');
  await manyBatches(world, 'january', 40_000);
  await manyRuns(world, Number(values.runs));
  const { letGo } = await waitWithOne(world);
  const browser = await startChromium();
  for (const shot of values.every ? every() : shown) await shoot(browser, world.app.url, shot);
  await browser.close();
  await letGo();
} finally {
  await world.stop();
}
