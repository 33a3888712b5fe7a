/**
 * Checks that a function with a given name exists, with the extension's text for one that does not. The engine, the
 * durable client and `dispatch.ts` call it.
 */
import type { ActionCursor } from './cursor.ts';
import { diagnostic, OrchestrationFault } from './diagnostics.ts';
import type { FunctionNames } from './model.ts';

type Kind = 'orchestrator' | 'activity' | 'entity';

/** The extension's text for a function that is not there. */
export function unknownFunction(names: Pick<FunctionNames, 'known'>, kind: Kind, name: string): string {
  const known = names.known(kind).map((each) => `'${each}'`);
  const article = kind === 'activity' ? 'an activity' : kind === 'entity' ? 'an entity' : 'an orchestrator';
  return (
    `The function '${name}' doesn't exist, is disabled, or is not ${article} function. ` +
    `Additional info: The following are the known ${kind} functions: ${known.join(', ')}.`
  );
}

/**
 * The function's registered name. @throws OrchestrationFault with the extension's text; Azure ignores this error and
 * hangs.
 */
export function requireFunction(cursor: ActionCursor, kind: Kind, name: string): string {
  const { names } = cursor.options;
  const found = names[kind](name);
  if (found !== undefined) return found;
  throw new OrchestrationFault(diagnostic('UnknownFunction', unknownFunction(names, kind, name)));
}
