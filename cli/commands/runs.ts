/**
 * The commands of `runs`. All go through the app's HTTP API, so that they may do what every caller may; only `rejects`,
 * `replay-rejects` and `list --manifests` use the storage, and `clean` also asks the durable extension.
 */
import { allManifests } from '../../src/documents/manifests.ts';
import { canceledSchema, runListSchema, startedSchema } from '../../src/http/schemas.ts';
import { type RunSummary, runViewSchema } from '../../src/view/run-view-schema.ts';
import { type AnyCommand, defineCommand, type Given, type Result, UsageError } from '../command.ts';
import { oneOf, parseDuration, parseSince, wholeNumber } from '../parse.ts';
import { count, time } from '../terminal/text.ts';
import { cleanCommand } from './clean-run.ts';
import { followRun, runPath } from './follow-run.ts';
import { rejectsCommand } from './rejects.ts';
import { replayRejectsCommand } from './replay-rejects.ts';
import { shownRun, shownRuns } from './run-shown.ts';
import { afterStart, startRunOf } from './start-run.ts';
import { withdrawCommand } from './withdraw.ts';

const states = {
  pending: 'Pending',
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  terminated: 'Terminated',
  canceled: 'Terminated',
  withdrawn: 'Withdrawn',
} as const;

const PAGE = 100;

const start = defineCommand({
  name: 'runs start',
  summary: 'Start a run of a pipeline',
  needs: ['app'],
  details:
    'Without --prefix, --glob or --blobs it takes the whole source of the pipeline; of that, what no run has read.',
  examples: [
    ['runs start flights --wait', 'run over the whole source, and show how it goes'],
    ['runs start sales --prefix sales/2026-11/ --dry-run --wait', 'show what a run would read and write'],
  ],
  configure: (command) =>
    command
      .argument('<pipeline>', 'name of a pipeline')
      .option('--prefix <prefix>', 'only blobs whose names begin so')
      .option('--glob <glob>', 'only blobs whose names fit: sales/*/part-?.parquet')
      .option('--blobs <names...>', 'only these blobs')
      .option('--run-id <id>', 'ID of the run: the same ID is the same run')
      .option('--deadline <time>', 'end it as failed after this ISO date-time or duration (PT2H)')
      .option('--all', 'all versions of blobs: fail when some were read before')
      .option('--again', 'also what was read before: its rows are published again')
      .option('--fail-on-empty', 'fail where there is nothing new to read')
      .option('--dry-run', 'only plan, and show the first rows of every entity')
      .option('--wait', 'follow it to its end')
      .option('--timeout <duration>', 'with --wait: end the command after this time (15m)', parseDuration),
  work: async (given, { wait, timeout, ...select }, pipeline) => {
    const { prefix, glob, blobs, runId, deadline, dryRun, again, failOnEmpty } = select;
    const versions = select.all ? 'all' : undefined;
    if ([prefix, glob, blobs].filter((each) => each !== undefined).length > 1) {
      throw new UsageError('give one of --prefix, --glob and --blobs');
    }
    if (timeout !== undefined && !wait) throw new UsageError('--timeout goes with --wait');
    const body = { prefix, glob, blobs, runId, deadline, dryRun, versions, again, failOnEmpty };
    return await startRunOf(given, pipeline, body, { wait, timeout });
  },
});

const watch = defineCommand({
  name: 'runs watch',
  summary: 'Follow a run to its end, with its progress',
  needs: ['app'],
  details: 'Ctrl-C ends the command and not the run. The exit code says how the run ended.',
  configure: (command) =>
    command
      .argument('<run>', 'a run ID')
      .option('--timeout <duration>', 'end the command after this time (15m)', parseDuration),
  work: (given, { timeout }, runId) => followRun(given, runId, { timeout }),
});

const cancel = defineCommand({
  name: 'runs cancel',
  summary: 'End a run; what it holds is given back',
  needs: ['app'],
  details: 'A run that is publishing already is not ended: it publishes whole.',
  configure: (command) => command.argument('<run>', 'a run ID').option('--reason <text>', 'said in its error'),
  work: async (given, { reason }, runId) => {
    const app = await given.app();
    const request = { body: reason === undefined ? {} : { reason }, signal: given.signal };
    const { status, body } = await app.call('POST', `${runPath(runId)}/cancel`, canceledSchema, request);
    const line = status === 202 ? `Run ${runId} will end soon.` : `Run ${runId} had ended: ${body.status}.`;
    return { show: [line], value: body };
  },
});

const restart = defineCommand({
  name: 'runs restart',
  summary: 'Start a failed or ended run again, under its ID and with its own input',
  needs: ['app'],
  details: 'A run that goes on or has succeeded is left as it is.',
  configure: (command) =>
    command
      .argument('<run>', 'a run ID')
      .option('--wait', 'follow it to its end')
      .option('--timeout <duration>', 'with --wait: end the command after this time (15m)', parseDuration),
  work: async (given, options, runId) => {
    if (options.timeout !== undefined && !options.wait) throw new UsageError('--timeout goes with --wait');
    const app = await given.app();
    const request = { body: {}, signal: given.signal };
    const { body: started } = await app.call('POST', `${runPath(runId)}/restart`, startedSchema, request);
    return await afterStart(given, started, options);
  },
});

const list = defineCommand({
  name: 'runs list',
  summary: 'Show runs, the newest first',
  needs: ['app'],
  examples: [['runs list --since 2h --state failed', 'what failed in the last two hours']],
  configure: (command) =>
    command
      .option('--pipeline <name>', 'only of this pipeline')
      .option('--state <states>', `only in these states: ${Object.keys(states).join(', ')}`, oneOf(states))
      .option('--since <time>', 'only those started since: 15m, 2h, 7d, or an ISO date', (text) => parseSince(text))
      .option('--limit <n>', 'how many at most', wholeNumber(1, 100_000), 20)
      .option('--manifests', 'read the manifests from the storage instead: what was published, without a host'),
  work: async (given, { manifests, ...filter }) => {
    if (manifests && filter.state) throw new UsageError('--state is of runs, and --manifests lists what was published');
    if (manifests) return await listManifests(given, filter);
    const runs = await listed(given, filter);
    return {
      show: [
        shownRuns(
          runs,
          (filter.pipeline ?? filter.state ?? filter.since)
            ? 'No run fits this.'
            : `There is no run yet. Start one: ${given.program} runs start PIPELINE`,
        ),
      ],
      value: runs,
    };
  },
});

interface Filter {
  pipeline?: string | undefined;
  state?: (typeof states)[keyof typeof states][] | undefined;
  since?: string | undefined;
  limit: number;
}

async function listed(given: Given, { pipeline, state, since, limit }: Filter): Promise<RunSummary[]> {
  const app = await given.app();
  const query = { pipeline, status: state?.join(','), createdFrom: since };
  const runs: RunSummary[] = [];
  let continuation: string | undefined;
  do {
    const page = { ...query, limit: String(Math.min(PAGE, limit - runs.length)), continuation };
    const found = await app.get('runs', runListSchema, page, given.signal);
    runs.push(...found.runs);
    continuation = found.continuation;
  } while (continuation !== undefined && runs.length < limit);
  return runs.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
}

async function listManifests(given: Given, { pipeline, since, limit }: Filter): Promise<Result> {
  const found = (await allManifests(await given.environment()))
    .filter((one) => pipeline === undefined || one.pipeline === pipeline)
    .filter((one) => since === undefined || one.startedAt >= since)
    .toReversed()
    .slice(0, limit);
  const rows = found.map(({ runId, pipeline: of, outcome, finishedAt, source, entities }) => [
    runId,
    of,
    { text: outcome, tone: outcome === 'published' ? ('good' as const) : ('dim' as const) },
    time(finishedAt),
    count(source.rows),
    count(entities.reduce((sum, entity) => sum + entity.rows, 0)),
  ]);
  const columns = [
    { title: 'run', whole: true },
    { title: 'pipeline' },
    { title: 'outcome' },
    { title: 'finished (UTC)', drop: 1, whole: true },
    { title: 'source rows', right: true, drop: 2 },
    { title: 'rows written', right: true, drop: 2 },
  ];
  return { show: [{ columns, rows, none: 'There is no manifest.' }], value: found };
}

const show = defineCommand({
  name: 'runs show',
  summary: 'Show a run: how it goes or how it ended, its rows, IDs and files',
  needs: ['app'],
  configure: (command) => command.argument('<run>', 'a run ID'),
  work: async (given, _, runId) => {
    const view = await (await given.app()).get(runPath(runId), runViewSchema, {}, given.signal);
    return { show: shownRun(view), value: view };
  },
});

export const runCommands: readonly AnyCommand[] = [
  start,
  watch,
  list,
  show,
  rejectsCommand,
  replayRejectsCommand,
  cancel,
  restart,
  withdrawCommand,
  cleanCommand,
];
