import type { ActionCursor } from './cursor.ts';
import { diagnostic, OrchestrationFault } from './diagnostics.ts';

/** The function's registered name, or a fault with the extension's text: Azure swallows this error and hangs. */
export function requireFunction(
  cursor: ActionCursor,
  kind: 'orchestrator' | 'activity' | 'entity',
  name: string,
): string {
  const found = cursor.options.names[kind](name);
  if (found !== undefined) return found;
  const known = cursor.options.names.known(kind).map((each) => `'${each}'`);
  const article = kind === 'activity' ? 'an activity' : kind === 'entity' ? 'an entity' : 'an orchestrator';
  throw new OrchestrationFault(
    diagnostic(
      'UnknownFunction',
      `The function '${name}' doesn't exist, is disabled, or is not ${article} function. ` +
        `Additional info: The following are the known ${kind} functions: ${known.join(', ')}.`,
    ),
  );
}
