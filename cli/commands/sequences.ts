/**
 * The commands of `sequences`. They are read through the app's HTTP API, and changed only through their entities, by an
 * orchestration, so that no ID is given twice.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { z } from 'zod';
import { publishedImports } from '../../src/documents/imports.ts';
import { numberedManifests } from '../../src/documents/manifests.ts';
import { OrdinalError } from '../../src/errors.ts';
import { sequenceListSchema, sequenceSchema } from '../../src/http/schemas.ts';
import { limits } from '../../src/limits.ts';
import { didYouMean } from '../../src/nearest.ts';
import type { RaiseAnswer } from '../../src/sequence/operations.ts';
import { type SequenceState, sequenceStateSchema } from '../../src/sequence/state.ts';
import { rebuiltSequence } from '../../src/upkeep/rebuild-sequence.ts';
import { type AnyCommand, defineCommand, type Given, type Result, UsageError } from '../command.ts';
import type { ShownPart } from '../terminal/show.ts';
import { count, plain } from '../terminal/text.ts';

const ENTITY = 'sequence';

type Sequence = z.infer<typeof sequenceSchema>;

const sum = (ranges: readonly { count: string }[]) => ranges.reduce((all, range) => all + BigInt(range.count), 0n);

const list = defineCommand({
  name: 'sequences list',
  summary: 'Show all sequences: next ID, free IDs, open reservations',
  needs: ['app'],
  work: async (given) => {
    const { sequences } = await (await given.app()).get('sequences', sequenceListSchema, {}, given.signal);
    const rows = sequences.map(({ name, next, step, free, open, pipelines }) => [
      name,
      count(BigInt(next)),
      step,
      count(sum(free)),
      open.length === 0 ? '-' : { text: `${open.length} of ${count(sum(open))} IDs`, tone: 'warning' as const },
      pipelines.join(', '),
    ]);
    const columns = [
      { title: 'sequence', whole: true },
      { title: 'next ID', right: true, whole: true },
      { title: 'step', right: true, drop: 2 },
      { title: 'free IDs', right: true, drop: 1 },
      { title: 'open' },
      { title: 'pipelines', drop: 3 },
    ];
    return { show: [{ columns, rows, none: 'No pipeline draws on a sequence.' }], value: sequences };
  },
});

const show = defineCommand({
  name: 'sequences show',
  summary: 'Show where a sequence is, its free IDs and who holds a reservation',
  needs: ['app'],
  configure: (command) => command.argument('<sequence>', 'name of a sequence'),
  work: async (given, _, name) => {
    const app = await given.app();
    const found = await app.get(`sequences/${encodeURIComponent(name)}`, sequenceSchema, {}, given.signal);
    return { show: shown(found), value: found };
  },
});

function shown({ name, next, start, step, free, open, pipelines }: Sequence): ShownPart[] {
  return [
    {
      facts: [
        ['sequence', name],
        ['next ID', count(BigInt(next))],
        ['start, step', `${start}, ${step}`],
        ['free IDs', free.length === 0 ? 'none' : `${count(sum(free))}, given out first`],
        ['pipelines', pipelines.join(', ')],
      ],
    },
    ...(free.length === 0
      ? []
      : [
          {
            columns: [
              { title: 'free from', right: true },
              { title: 'IDs', right: true },
            ],
            rows: free.map((range) => [count(BigInt(range.first)), count(BigInt(range.count))]),
            none: '',
          },
        ]),
    {
      columns: [
        { title: 'held by', whole: true },
        { title: 'IDs', right: true },
      ],
      rows: open.map((one) => [one.owner, count(BigInt(one.count))]),
      none: 'No reservation is open.',
    },
  ];
}

const exportOne = defineCommand({
  name: 'sequences export',
  summary: 'Print the whole state of a sequence: for a backup, or for another durable backend',
  needs: ['durable'],
  configure: (command) =>
    command.argument('<sequence>', 'name of a sequence').option('--file <path>', 'write it to this file'),
  work: async (given, { file }, name) => {
    const state = await (await given.durable()).entity(ENTITY, name);
    if (state === undefined) {
      throw new OrdinalError('UnknownSequence', `sequence "${name}" has never been used`, {
        remedy: `See ${given.program} sequences list for those that were.`,
      });
    }
    const value = sequenceStateSchema.parse(state);
    const text = `${JSON.stringify(value, null, 2)}\n`;
    if (file === undefined) return { show: [], value, raw: text };
    await writeFile(file, text);
    return { show: [plain(`${name}: written to ${file}`)], value };
  },
});

const importOne = defineCommand({
  name: 'sequences import',
  summary: 'Create a sequence that does not exist, from an exported state',
  needs: ['durable'],
  configure: (command) =>
    command.argument('<sequence>', 'name of a sequence').requiredOption('--file <path>', 'what sequences export wrote'),
  work: async (given, { file }, name) => {
    const state = await exportedState(file);
    // A mistyped name would leave the sequence that was meant to begin anew.
    await statedBy(given, name);
    return await putInPlace(given, name, state);
  },
});

async function exportedState(file: string): Promise<SequenceState> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new UsageError(`--file ${file} cannot be read: ${cause instanceof Error ? cause.message : cause}`);
  });
  let parsed: ReturnType<typeof sequenceStateSchema.safeParse> | undefined;
  try {
    parsed = sequenceStateSchema.safeParse(JSON.parse(text));
  } catch {}
  if (parsed?.success) return parsed.data;
  throw new OrdinalError('InvalidRequest', `${file} is not what sequences export wrote`, {
    remedy: 'Export the sequence again.',
  });
}

const rebuild = defineCommand({
  name: 'sequences rebuild',
  summary: 'Create a lost sequence from the manifests',
  needs: ['storage', 'durable'],
  details: 'Use it only when nothing runs. Manifests do not hold values that a sequence was raised to.',
  configure: (command) => command.argument('<sequence>', 'name of a sequence'),
  work: async (given, _, name) => {
    const options = await statedBy(given, name);
    const environment = await given.environment();
    const manifests = await numberedManifests(environment);
    const imports = await publishedImports(environment);
    return await putInPlace(given, name, rebuiltSequence(name, options, manifests, imports));
  },
});

const raise = defineCommand({
  name: 'sequences raise',
  summary: 'Give no ID up to N any more: for IDs that are in use already',
  needs: ['durable'],
  details: 'Free IDs up to N are given up. This cannot be taken back.',
  configure: (command) =>
    command.argument('<sequence>', 'name of a sequence').requiredOption('--to <id>', 'the last ID that is taken'),
  work: async (given, { to }, name) => {
    if (!/^\d{1,19}$/.test(to) || BigInt(to) > limits.idMax) {
      throw new UsageError(`--to ${to} is not an ID: give a whole number from 0 to 2^63-1`);
    }
    const options = await statedBy(given, name);
    const value = (await (await given.durable()).sequence(name, 'raiseTo', { value: to, ...options })) as RaiseAnswer;
    const { raised, next, abandoned } = value;
    const line = `${name}: ${raised ? 'raised, ' : 'was there already, '}next is ${next}, ${abandoned} free IDs were given up`;
    return { show: [line], value };
  },
});

/** The start and step that the pipelines state for a sequence. @throws OrdinalError `UnknownSequence` */
async function statedBy(given: Given, name: string): Promise<{ start: string; step: string }> {
  const all = [...(await given.pipelines()).values()].flatMap(({ sequences }) => sequences);
  const found = all.find((sequence) => sequence.name === name);
  if (found) return { start: found.start, step: found.step };
  throw new OrdinalError('UnknownSequence', `no pipeline draws on sequence "${name}"`, {
    remedy: didYouMean(
      name,
      all.map((sequence) => sequence.name),
    ),
  });
}

/** Restores a state. The sequence accepts it only if the sequence does not exist or already has that state. */
async function putInPlace(given: Given, name: string, state: SequenceState): Promise<Result> {
  await (await given.durable()).sequence(name, 'restore', { state });
  return { show: [`${name}: next is ${state.next}, ${state.free.length} ranges are free`], value: state };
}

export const sequenceCommands: readonly AnyCommand[] = [list, show, exportOne, importOne, rebuild, raise];
