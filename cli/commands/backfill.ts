/**
 * The commands of `backfill`: a big source cut into runs, in order, a few at once, with one progress. All go through the
 * app's HTTP API; the app goes on with a backfill whether or not somebody watches.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { backfillListSchema, backfillSchema, backfillStartedSchema } from '../../src/http/schemas.ts';
import { limits } from '../../src/limits.ts';
import { type AnyCommand, defineCommand, type Given, type Result } from '../command.ts';
import { wholeNumber } from '../parse.ts';
import type { ShownPart } from '../terminal/show.ts';
import type { Cell } from '../terminal/table.ts';
import { bytes, count, plain, time } from '../terminal/text.ts';

const POLL_MS_MIN = 300;
const POLL_MS_MAX = 3_000;

type Backfill = z.infer<typeof backfillSchema>;

const pathOf = (id: string) => `backfills/${encodeURIComponent(id)}`;

const units: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes of `500M` or `16G`. */
function parseBytes(text: string): number {
  const [, number, unit] = /^(\d{1,9})([KMGT]?)(?:i?B)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Give a number of bytes: 500M, 16G.');
  return Number(number) * units[unit ?? '']!;
}

function parseBy(text: string): 'folder' | 'size' {
  if (text === 'folder' || text === 'size') return text;
  throw new InvalidArgumentError('Give folder or size.');
}

const start = defineCommand({
  name: 'backfill start',
  summary: 'Read a big source by many runs, in order and a few at once',
  needs: ['app'],
  details:
    'A backfill that was ended goes on where it was when it is started again under its ID. With --at-once 1, IDs follow the order of the source over all runs.',
  examples: [
    ['backfill start flights --by folder --depth 1 --at-once 2 --wait', 'a run for each folder, two at a time'],
  ],
  configure: (command) =>
    command
      .argument('<pipeline>', 'name of a pipeline')
      .option('--id <id>', 'ID of the backfill: the same ID is the same backfill')
      .option('--prefix <prefix>', 'only blobs whose names begin so')
      .option('--glob <glob>', 'only blobs whose names fit')
      .option('--by <what>', 'a run for each folder, or for so much of the source: folder or size', parseBy)
      .option('--depth <n>', 'folders below the prefix that tell runs apart', wholeNumber(1, 20))
      .option('--bytes <size>', 'the most bytes of one run: 500M, 16G', parseBytes)
      .option('--files <n>', 'the most files of one run', wholeNumber(1, 100_000))
      .option('--at-once <n>', 'runs at a time', wholeNumber(1, limits.backfillAtOnceMax))
      .option('--wait', 'follow it to its end'),
  work: async (given, { wait, id, ...options }, pipeline) => {
    const { prefix, glob, by, depth, bytes: most, files, atOnce } = options;
    const body = { backfillId: id, prefix, glob, by, depth, bytes: most, files, atOnce };
    const path = `pipelines/${encodeURIComponent(pipeline)}/backfill`;
    const app = await given.app();
    const request = { body, signal: given.signal };
    const { body: started } = await app.call('POST', path, backfillStartedSchema, request);
    if (wait) return await follow(given, started.backfillId);
    const { backfillId } = started;
    const show = [
      `Backfill ${backfillId} of ${pipeline} is on its way.`,
      `Follow it: ${given.program} backfill watch ${backfillId}`,
    ];
    return { show, value: started };
  },
});

const watch = defineCommand({
  name: 'backfill watch',
  summary: 'Follow a backfill to its end, with one progress',
  needs: ['app'],
  configure: (command) => command.argument('<backfill>', 'a backfill ID'),
  work: (given, _, id) => follow(given, id),
});

const list = defineCommand({
  name: 'backfill list',
  summary: 'Show backfills, the newest first',
  needs: ['app'],
  configure: (command) => command.option('--limit <n>', 'how many at most', wholeNumber(1, 100), 20),
  work: async (given, { limit }) => {
    const app = await given.app();
    const { backfills } = await app.get('backfills', backfillListSchema, { limit: String(limit) }, given.signal);
    const table: ShownPart = {
      columns: [
        { title: 'backfill', whole: true },
        { title: 'pipeline' },
        { title: 'state' },
        { title: 'runs', right: true, whole: true },
        { title: 'bytes', right: true, drop: 2 },
        { title: 'source rows', right: true, drop: 3 },
        { title: 'started (UTC)', drop: 1, whole: true },
        { title: 'what', drop: 4 },
      ],
      rows: backfills.map((one) => [
        one.backfillId,
        one.pipeline,
        stateOf(one),
        `${count(one.runs.done)} of ${count(one.runs.total)}`,
        `${bytes(one.bytes.done)} of ${bytes(one.bytes.total)}`,
        count(one.rows),
        time(one.startedAt),
        one.error ? `${one.error.code}: ${one.error.message}` : '',
      ]),
      none: `There is no backfill. Start one: ${given.program} backfill start PIPELINE`,
    };
    return { show: [table], value: backfills };
  },
});

const show = defineCommand({
  name: 'backfill show',
  summary: 'Show how far a backfill is, and which runs are under way',
  needs: ['app'],
  configure: (command) => command.argument('<backfill>', 'a backfill ID'),
  work: async (given, _, id) => {
    const found = await (await given.app()).get(pathOf(id), backfillSchema, {}, given.signal);
    return { show: shown(found), value: found };
  },
});

const cancel = defineCommand({
  name: 'backfill cancel',
  summary: 'Start no further runs of a backfill; those under way go on',
  needs: ['app'],
  configure: (command) => command.argument('<backfill>', 'a backfill ID'),
  work: async (given, _, id) => {
    const request = { body: {}, signal: given.signal };
    const { body } = await (await given.app()).call('POST', `${pathOf(id)}/cancel`, backfillStartedSchema, request);
    return { show: [plain(`Backfill ${id} starts no further run.`)], value: body };
  },
});

const goesOn = ({ status }: Backfill) => status === 'Pending' || status === 'Running' || status === 'ContinuedAsNew';

async function follow(given: Given, id: string): Promise<Result> {
  const app = await given.app();
  const progress = given.terminal.progress();
  try {
    for (let pause = POLL_MS_MIN; ; pause = Math.min(POLL_MS_MAX, pause * 1.3)) {
      const now = await app.get(pathOf(id), backfillSchema, {}, given.signal);
      const { runs, files } = now;
      progress?.update({
        label: now.phase,
        done: files.done,
        total: files.total,
        unit: 'files',
        ...(runs.going.length > 0 && { note: `${runs.done}/${runs.total} runs, ${runs.going.length} under way` }),
      });
      if (!goesOn(now)) return { show: shown(now), value: now, exit: now.status === 'Completed' ? 'ok' : 'failed' };
      await delay(pause, undefined, { signal: given.signal });
    }
  } finally {
    progress?.end();
  }
}

const stateOf = (of: Backfill): Cell => ({
  text: of.status,
  tone: of.status === 'Completed' ? 'good' : goesOn(of) ? 'strong' : of.status === 'Terminated' ? 'warning' : 'bad',
});

function shown(now: Backfill): ShownPart[] {
  const { error, runs, files, bytes: size, startedBy } = now;
  return [
    ...(error ? [{ line: `${error.code}: ${error.message}`, tone: 'bad' as const }] : []),
    ...(error?.runId ? [plain(`In run ${error.runId}.`)] : []),
    {
      facts: [
        ['backfill', now.backfillId],
        ['pipeline', now.pipeline],
        ['state', stateOf(now)],
        ['started', `${time(now.startedAt)} UTC${startedBy?.who === undefined ? '' : ` by ${startedBy.who}`}`],
        ['runs', `${count(runs.done)} of ${count(runs.total)}, ${count(now.atOnce)} at once`],
        ['files', `${count(files.done)} of ${count(files.total)}`],
        ['bytes', `${bytes(size.done)} of ${bytes(size.total)}`],
        ['source rows', count(now.rows)],
        ...(runs.going.length > 0 ? [['under way', runs.going.join(', ')] as const] : []),
      ],
    },
  ];
}

export const backfillCommands: readonly AnyCommand[] = [start, watch, list, show, cancel];
