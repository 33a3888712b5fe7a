/**
 * Measures the monitor page in a real Chromium: how long until the list of very many runs and a run of very many batches
 * are painted, what memory they take, and how long the longest frame is while they are scrolled. docs/monitor.md has the
 * figures. It starts an app of its own.
 *
 *   npm run build && node tools/measure-monitor.ts [--runs 100000] [--batches 40000] [--scrolls 200]
 */
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { manyBatches, manyRuns, publishOne, startWorld } from '../test/monitor/support/world.ts';
import { startChromium } from '../test/support/chromium.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    batches: { type: 'string', default: '40000' },
    scrolls: { type: 'string', default: '200' },
  },
});

/** Milliseconds until something is on the screen, from an empty tab on. */
async function paintedAfter(page: Page, url: string, selector: string): Promise<number> {
  await page.goto('about:blank');
  const began = performance.now();
  await page.goto(url);
  // A filter that few runs fit looks through all of them: with Azurite that takes its time.
  await page.locator(selector).first().waitFor({ timeout: 180_000 });
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  return performance.now() - began;
}

/** MiB of the page's objects, after a collection; and how many elements it has. */
async function weightOf(page: Page): Promise<string> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  const { nodes } = await cdp.send('Memory.getDOMCounters');
  return `${(usedSize / 2 ** 20).toFixed(1)} MiB, ${nodes} nodes`;
}

const watchFrames = `globalThis.frames = []; globalThis.last = performance.now(); (function frame(now) {
  frames.push(now - last); last = now; requestAnimationFrame(frame); })(last)`;

function say(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(58)} ${figure}\n`);
}

const ms = (value: number) => `${Math.round(value)} ms`;

const world = await startWorld();
const browser = await startChromium();
try {
  await publishOne(world);
  await manyBatches(world, 'january', Number(values.batches));
  await manyRuns(world, Number(values.runs));
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const base = `${world.app.url}/api/monitor#/`;
  const rows = '.table.long tbody tr:not(.gap)';
  await paintedAfter(page, `${base}runs`, rows);
  say(`${values.runs} runs: the first are painted after`, ms(await paintedAfter(page, `${base}runs`, rows)));
  const asked = performance.now();
  await (await fetch(`${world.app.url}/api/runs?limit=50`)).arrayBuffer();
  say('the app answers with them, from a listing of Azurite, in', ms(performance.now() - asked));
  say('then the page takes', await weightOf(page));
  await page.evaluate(watchFrames);
  for (let i = 0; i < Number(values.scrolls); i++) {
    await page.keyboard.press('End');
    await page.waitForTimeout(50);
  }
  const loaded = await page.locator('.table.long').getAttribute('aria-rowcount');
  const frames = (await page.evaluate<number[]>('frames')).sort((a, b) => a - b);
  say(`scrolled to its end ${values.scrolls} times: rows in the list`, String(loaded));
  say(
    'frames: the middle one, the 99th of a hundred, the longest',
    [0.5, 0.99, 1].map((q) => ms(frames[Math.min(frames.length - 1, Math.floor(q * frames.length))]!)).join(', '),
  );
  say('then the page takes', await weightOf(page));
  const areas = '.areas path';
  say(
    `a run of ${values.batches} batches is painted after`,
    ms(await paintedAfter(page, `${base}runs/january`, areas)),
  );
  say('then the page takes', await weightOf(page));
  const rare = `${base}runs?text=nightly-000003`;
  say('a filter that one run fits, the oldest but two', ms(await paintedAfter(page, rare, rows)));
} finally {
  await browser.close();
  await world.stop();
}
