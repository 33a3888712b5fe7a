/**
 * Prints the list of functions and their addresses when the host has started, as Core Tools does. `host.ts` calls it.
 * It only prints.
 */
import type { FunctionTable } from './functions.ts';
import type { HttpRoute } from './http/server.ts';
import type { Logger } from './logging.ts';

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
