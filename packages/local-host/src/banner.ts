/**
 * What the host prints when it has started: the functions and their addresses, as Core Tools does; or, where the app's
 * `package.json` says what to do next, that instead. `host.ts` and `main.ts` call it. It only prints.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FunctionTable } from './functions.ts';
import type { HttpRoute } from './http/server.ts';
import type { Logger } from './logging.ts';

/** Lines that an app may give, and the characters of each. */
const linesMax = 20;
const lineLengthMax = 200;

/**
 * What the app wants its developer to see once it runs: the lines of `"local-host": { "ready": [...] }` in its
 * `package.json`, with `{url}` replaced by the host's address. Empty when it says nothing.
 */
export function readyLines(scriptRoot: string, url: string): string[] {
  let manifest: { 'local-host'?: { ready?: unknown } };
  try {
    manifest = JSON.parse(readFileSync(join(scriptRoot, 'package.json'), 'utf8')) as typeof manifest;
  } catch {
    return [];
  }
  const ready = manifest['local-host']?.ready;
  if (!Array.isArray(ready)) return [];
  return ready
    .filter((line) => typeof line === 'string')
    .slice(0, linesMax)
    .map((line) => line.slice(0, lineLengthMax).replaceAll('{url}', url));
}

/** Prints how many functions there are, for an app that says itself what to do next. */
export function printCounts(logger: Logger, functions: FunctionTable, routes: readonly HttpRoute[]): void {
  const others = functions.all.length - routes.length;
  logger.print(`${routes.length} HTTP functions and ${others} others. --functions lists them.`);
}

/** Prints what can be called and where, as Core Tools does. */
export function printFunctions(
  logger: Logger,
  functions: FunctionTable,
  routes: readonly HttpRoute[],
  url: string,
): void {
  logger.print('');
  logger.print('Functions:');
  const lines: [string, string][] = functions.all.map((each) => {
    const http = routes.find((route) => route.found === each);
    const methods = http === undefined || http.methods.length === 0 ? '' : `[${http.methods.join(',')}] `;
    return [each.name, http === undefined ? each.trigger.type : `${methods}${url}/${http.route.text}`];
  });
  // HTTP functions first, then the others, each by name.
  const isHttp = ([, text]: [string, string]) => text.includes('://');
  lines.sort((a, b) => Number(isHttp(b)) - Number(isHttp(a)) || (a[0] < b[0] ? -1 : 1));
  for (const [name, text] of lines) logger.print(`\n\t${name}: ${text}`);
  logger.print('');
}
