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
  for (const [name, text] of lines.sort(([a], [b]) => (a < b ? -1 : 1))) logger.print(`\n\t${name}: ${text}`);
  logger.print('');
}
