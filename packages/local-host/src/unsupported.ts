/**
 * Finds what an app needs and this host does not do. `host.ts` prints it at the start. Nothing that is missing may go
 * without a message.
 */
import type { AppFunction, FunctionTable } from './functions.ts';

/** One sentence for each thing that the app's functions need and this host does not do. */
export function unsupported(functions: Pick<FunctionTable, 'all'>): string[] {
  return functions.all.flatMap(({ name, kind, trigger, clients, metadata }: AppFunction) => {
    if (kind === 'other') return [`Function '${name}': '${trigger.type}' is no trigger of this host; it never runs.`];
    return Object.entries(metadata.bindings).flatMap(([key, { type, direction }]) => {
      const works = type.toLowerCase() === 'http' || (type.toLowerCase() === 'blob' && direction === 'out');
      if (key === trigger.name || clients.includes(key) || works) return [];
      const effect = direction === 'out' ? 'what it is given is dropped' : 'the function is given nothing for it';
      return [`Function '${name}': the ${direction}put binding '${type}' does nothing in this host; ${effect}.`];
    });
  });
}
