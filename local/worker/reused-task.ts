interface ActionNode {
  actionType?: number;
  functionName?: string;
  operation?: string;
  externalEventName?: string;
  compoundActions?: ActionNode[];
}

/**
 * Finds a task that an orchestrator put into two compounds (`Task.any([a, b])`, then `Task.any([b, c])`). In the reply's
 * JSON that looks like two equal calls; here, before serialisation, it is one object in two places.
 *
 * @returns what the task is, or undefined when every action has one place (or the result is no orchestrator's).
 */
export function findReusedTask(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const { actions, schemaVersion } = result as { actions?: unknown; schemaVersion?: unknown };
  if (typeof schemaVersion !== 'number' || !Array.isArray(actions)) return undefined;
  const seen = new Set<ActionNode>();
  const visit = (node: ActionNode): string | undefined => {
    if (seen.has(node)) return describe(node);
    seen.add(node);
    for (const child of node.compoundActions ?? []) {
      const found = visit(child);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  for (const action of actions.flat() as ActionNode[]) {
    const found = visit(action);
    if (found !== undefined) return found;
  }
  return undefined;
}

function describe(node: ActionNode): string {
  const name = node.functionName ?? node.operation ?? node.externalEventName;
  return name === undefined ? `action type ${node.actionType}` : `'${name}'`;
}
