/**
 * The command `keys import`: takes over keys that an older system numbered, with their IDs. `commands.ts` calls it. What
 * it does is in `src/upkeep/import`; here is only how it is asked for, and what is said of it.
 */
import type { ActivityResult } from '../src/durable/activity.ts';
import { fromErrorValue, OrdinalError } from '../src/errors.ts';
import type { ImportOutput } from '../src/upkeep/import/activity.ts';
import { prepareImport } from '../src/upkeep/import/prepare.ts';
import { REBUILD_ORCHESTRATION } from '../src/upkeep/orchestrations.ts';
import type { Given, Result } from './command.ts';

export interface ImportChoice {
  from: string;
  id: string;
  /** As `component=column`. */
  key: string[];
}

export async function importKeys(given: Given, index: string, { from, id, key }: ImportChoice): Promise<Result> {
  const prepared = await prepareImport(given.environment, {
    index,
    file: from,
    columns: { id, key: componentsOf(key) },
  });
  const { importId, keys, known, last, sequence } = prepared;
  if (last === null) {
    return { lines: [`${index}: nothing to add; ${known} keys are there with these IDs`], value: prepared };
  }
  const name = `ordinal~import~${importId}-${Date.now().toString(36)}`;
  const input = { index, add: { importId, last, sequence } };
  const result = (await given.host.run(REBUILD_ORCHESTRATION, name, input)) as ActivityResult<ImportOutput>;
  if (!result.ok) throw fromErrorValue(result.error);
  const lines = [
    `${index}: ${keys} keys imported, ${known} were there with these IDs; the index has ${result.value.keys}`,
    `sequence ${sequence.name} goes on above ${last}`,
    `manifest: ${result.value.manifest}`,
  ];
  return { lines, value: { ...prepared, ...result.value } };
}

function componentsOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
      throw new OrdinalError('InvalidRequest', `--key ${text} is not a component and a column`, {
        remedy: 'Give it as --key email=customer_email.',
      });
    }),
  );
}
