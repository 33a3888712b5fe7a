/**
 * A real Chromium for tests of pages: the one of the distribution, or the one that `CHROMIUM` names. Tests that need it
 * are skipped, by name, where there is none; `.ci/run` installs it.
 */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const places = [
  process.env.CHROMIUM,
  // The browser without its windows: it takes three quarters of the work.
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Path of the browser; undefined where there is none. */
export const chromiumPath: string | undefined = places.find((place) => place !== undefined && existsSync(place));

export async function startChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('no Chromium: install it, or name it in CHROMIUM');
  // A container has no user namespaces for the sandbox, and little shared memory.
  return await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
