/**
 * Finds an orchestrator that puts one task into two compounds, which is not allowed. The worker asks before the reply
 * becomes JSON; in JSON, one task in two places and two equal calls look the same.
 */
import { type Action, actionType } from '../engine/actions.ts';

/**
 * Finds a task that an orchestrator put into two compounds (`Task.any([a, b])`, then `Task.any([b, c])`).
 *
 * A timer is allowed as long as nothing after its second place takes a task ID. Azure then starts it a second time and
 * counts on, the SDK does not, and nothing goes wrong. An orchestrator does this when it waits several times for a
 * person's answer against one timer.
 *
 * @returns what the task is, or undefined when every action has one place (or the result is no orchestrator's).
 */
export function findReusedTask(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const { actions, schemaVersion } = result as { actions?: unknown; schemaVersion?: unknown };
  if (typeof schemaVersion !== 'number' || !Array.isArray(actions)) return undefined;
  const seen = new Set<Action>();
  let reused: Action | undefined;
  for (const action of (actions.flat() as Action[]).flatMap(leaves)) {
    if (seen.has(action)) reused ??= action;
    seen.add(action);
    if (reused !== undefined && action.actionType !== actionType.waitForExternalEvent && action !== reused) {
      return describe(reused);
    }
    if (reused !== undefined && reused.actionType !== actionType.createTimer) return describe(reused);
  }
  return undefined;
}

/** An action's tasks, in the order in which they are started. */
function leaves(action: Action): Action[] {
  return action.compoundActions === undefined ? [action] : action.compoundActions.flatMap(leaves);
}

function describe(action: Action): string {
  const name = action.functionName ?? action.operation ?? action.externalEventName;
  return name === undefined ? `action type ${action.actionType}` : `'${name}'`;
}
