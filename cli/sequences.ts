/**
 * The commands of `sequences`: list, show, export, import, rebuild and raise. `commands.ts` calls them. A sequence is
 * read and changed only through its entity, so that no ID is given twice.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { publishedImports } from '../src/documents/imports.ts';
import { publishedManifests } from '../src/documents/manifests.ts';
import { OrdinalError } from '../src/errors.ts';
import { limits } from '../src/limits.ts';
import type { RaiseAnswer, ShowAnswer } from '../src/sequence/operations.ts';
import { type SequenceState, sequenceStateSchema } from '../src/sequence/state.ts';
import { rebuiltSequence } from '../src/upkeep/rebuild-sequence.ts';
import { alignColumns } from '../src/view/text-table.ts';
import type { Given, Result } from './command.ts';

const ENTITY = 'sequence';

/** The sequences of all pipelines, with the start and step that the pipelines state. */
function stated({ environment }: Given): Map<string, { start: string; step: string }> {
  const all = [...environment.pipelines.values()].flatMap(({ sequences }) => sequences);
  return new Map(all.map(({ name, start, step }) => [name, { start, step }]));
}

export async function listSequences(given: Given): Promise<Result> {
  const value: Record<string, ShowAnswer> = {};
  for (const name of stated(given).keys()) value[name] = (await given.host.sequence(name, 'show')) as ShowAnswer;
  const rows = Object.entries(value).map(([name, shown]) =>
    shown.exists
      ? [
          name,
          `next ${shown.next}`,
          `step ${shown.step}`,
          `${shown.freeCount} free`,
          `${shown.openOwners?.length} open`,
        ]
      : [name, 'never used', '', '', ''],
  );
  return { lines: alignColumns(rows), value };
}

export async function showSequence(given: Given, name: string): Promise<Result> {
  const value = (await given.host.sequence(name, 'show')) as ShowAnswer;
  return { lines: JSON.stringify(value, null, 2).split('\n'), value };
}

export async function exportSequence(given: Given, name: string, file: string | undefined): Promise<Result> {
  const state = await given.host.entity(ENTITY, name);
  if (state === undefined) throw new OrdinalError('UnknownSequence', `sequence "${name}" has never been used`);
  const value = sequenceStateSchema.parse(state);
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (file === undefined) return { lines: text.trimEnd().split('\n'), value };
  await writeFile(file, text);
  return { lines: [`${name}: written to ${file}`], value };
}

export async function importSequence(given: Given, name: string, file: string): Promise<Result> {
  const state = sequenceStateSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  return await putInPlace(given, name, state);
}

export async function rebuildSequence(given: Given, name: string): Promise<Result> {
  const options = stated(given).get(name);
  if (!options) throw new OrdinalError('UnknownSequence', `no pipeline draws on sequence "${name}"`);
  return await putInPlace(
    given,
    name,
    rebuiltSequence(
      name,
      options,
      ...(await Promise.all([publishedManifests(given.environment), publishedImports(given.environment)])),
    ),
  );
}

/** Raises a sequence above IDs that were given before or outside of Ordinal. */
export async function raiseSequence(given: Given, name: string, to: string): Promise<Result> {
  if (!/^\d{1,19}$/.test(to) || BigInt(to) > limits.idMax) {
    throw new OrdinalError('InvalidRequest', `--to ${to} is not an ID`, {
      remedy: 'Give a whole number from 0 to 2^63-1.',
    });
  }
  const options = stated(given).get(name);
  if (!options) throw new OrdinalError('UnknownSequence', `no pipeline draws on sequence "${name}"`);
  const value = (await given.host.sequence(name, 'raiseTo', { value: to, ...options })) as RaiseAnswer;
  const { raised, next, abandoned } = value;
  return { lines: [`${name}: ${raised ? 'raised, ' : ''}next is ${next}, ${abandoned} free IDs were given up`], value };
}

/** Restores a state. The sequence accepts it only if the sequence does not exist or already has that state. */
async function putInPlace(given: Given, name: string, state: SequenceState): Promise<Result> {
  await given.host.sequence(name, 'restore', { state });
  return { lines: [`${name}: next is ${state.next}, ${state.free.length} ranges are free`], value: state };
}
