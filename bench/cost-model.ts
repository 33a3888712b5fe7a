/**
 * What a load costs in Azure by the month: rows and files of a run, runs a day. Works it out from runs that were counted
 * (bench/cost.ts) and from list prices; asks nobody. Tests and the two cost commands use its parts.
 *
 *   npm run cost -- --rows N [--files N] [--runs N] [--seconds S] [--ready N] [--price PART=DOLLARS]...
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { BlobRequests } from './counting-proxy.ts';

/** When the prices were written down, and the runs below counted. */
const pricedOn = '2026-11-26';
const countedOn = '2026-11-30';

/**
 * List prices in US dollars of a low-priced US region, without free grants: they differ by region and time. What is
 * undefined was found in no source that can be cited: it is shown without a price, unless one is given.
 */
export const prices = {
  gigabyteSecond: 0.000026,
  execution: 0.4 / 1e6,
  blobWrite: 0.065 / 1e4,
  blobRead: 0.005 / 1e4,
  queueOrTable: 0.004 / 1e4,
  telemetryGigabyte: 2.3,
  readyGigabyteSecond: undefined as number | undefined,
  schedulerAction: undefined as number | undefined,
};
type Prices = typeof prices;

const instanceGigabytes = 4;
/** Of the task hub: a message is put, got and deleted, twice for an activity, and history is written. */
const hubRequestsPerActivity = 8;
const hubRequestsPerEpisode = 4;
/** Of an idle hub, a month: polling of its queues and leases. */
const idleHubRequests = 1e6;
const logBytesPerActivity = 1000;
const daysPerMonth = 30;

/** What a run was counted to take. */
export interface Counts {
  rows: number;
  /** Source blobs. */
  files: number;
  activities: number;
  /** Sum of the activities' own times. */
  seconds: number;
  /** To orchestrators and entities: as many episodes at most. */
  messages: number;
  blobs: BlobRequests;
}

interface Line {
  part: string;
  amount: string;
  /** Undefined where there is no price. */
  dollars: number | undefined;
}

function line(part: string, amount: number, unit: string, price: number | undefined): Line {
  const shown = amount < 10 ? amount.toFixed(1) : Math.round(amount).toLocaleString('en-US');
  return { part, amount: `${shown} ${unit}`, dollars: price === undefined ? undefined : amount * price };
}

const hubRequests = ({ activities, messages }: Counts) =>
  activities * hubRequestsPerActivity + messages * hubRequestsPerEpisode;

/** Dollars by part, for `millions` of rows of the run that was counted. */
export function costOf(counts: Counts, millions: number, by: Prices = prices): (Line & { dollars: number })[] {
  const share = (millions * 1e6) / counts.rows;
  const { seconds, activities, messages, blobs } = counts;
  const priced = (part: string, amount: number, unit: string, price: number) => ({
    ...line(part, amount * share, unit, price),
    dollars: amount * share * price,
  });
  return [
    priced('Flex Consumption, on demand, 4 GB instance', seconds * instanceGigabytes, 'GB-s', by.gigabyteSecond),
    priced('executions', activities + messages, 'executions', by.execution),
    priced('blob writes and lists (hot, LRS)', blobs.writes, 'requests', by.blobWrite),
    priced('blob reads', blobs.reads, 'requests', by.blobRead),
    priced('queues and tables of the task hub, estimated', hubRequests(counts), 'requests', by.queueOrTable),
  ];
}

/** Three runs of one pipeline: few rows in one file, many rows in one file, as many rows in many files. */
interface Counted {
  small: Counts;
  large: Counts;
  many: Counts;
}

/**
 * What a run of other rows and files takes: a fixed part, a part for each row and a part for each file, of every figure
 * but the seconds. Those depend on the machine, and are given. Nothing falls below zero.
 */
export function estimator({ small, large, many }: Counted): (rows: number, files: number, seconds: number) => Counts {
  return (rows, files, seconds) => {
    const of = (figure: (counts: Counts) => number) => {
      const perRow = Math.max(0, (figure(large) - figure(small)) / (large.rows - small.rows));
      const perFile = Math.max(0, (figure(many) - figure(large)) / (many.files - large.files));
      const fixed = Math.max(0, figure(small) - perRow * small.rows - perFile * small.files);
      return fixed + perRow * rows + perFile * files;
    };
    return {
      ...{ rows, files, seconds },
      activities: of((counts) => counts.activities),
      messages: of((counts) => counts.messages),
      blobs: {
        writes: of(({ blobs }) => blobs.writes),
        reads: of(({ blobs }) => blobs.reads),
        deletes: of(({ blobs }) => blobs.deletes),
      },
    };
  };
}

/** Counted by `npm run bench:cost -- --rows N --files N`. Its seconds are left out: the machine had other work to do. */
const flights: Counted = {
  small: counted({ rows: 300_000, files: 1, activities: 14, messages: 41, writes: 66, reads: 42 }),
  large: counted({ rows: 3_000_000, files: 1, activities: 21, messages: 48, writes: 125, reads: 77 }),
  many: counted({ rows: 3_000_000, files: 10, activities: 25, messages: 52, writes: 203, reads: 121 }),
};

function counted(
  run: Pick<Counts, 'rows' | 'files' | 'activities' | 'messages'> & Omit<BlobRequests, 'deletes'>,
): Counts {
  const { writes, reads, ...rest } = run;
  return { ...rest, seconds: 0, blobs: { writes, reads, deletes: 0 } };
}

interface Load {
  runsPerDay: number;
  /** Instances that are always ready. */
  ready: number;
}

/** Dollars a month by part. */
export function monthOf(counts: Counts, { runsPerDay, ready }: Load, by: Prices = prices): Line[] {
  const runs = runsPerDay * daysPerMonth;
  const parts = costOf(counts, (counts.rows / 1e6) * runs, by);
  const seconds = daysPerMonth * 86_400;
  const actions = (2 * counts.activities + counts.messages) * runs;
  const gigabytes = (counts.activities * logBytesPerActivity * runs) / 1e9;
  return [
    ...parts,
    line('idle task hub', idleHubRequests, 'requests', by.queueOrTable),
    line('telemetry', gigabytes, 'GB', by.telemetryGigabyte),
    ...(ready > 0
      ? [line('always ready, waiting', ready * seconds * instanceGigabytes, 'GB-s', by.readyGigabyteSecond)]
      : []),
    line('a scheduler, in place of the hub: at most', actions, 'actions', by.schedulerAction),
  ];
}

const number = (min: number) => z.coerce.number().min(min);
const options = z.object({
  rows: number(1),
  files: number(1).default(1),
  runs: number(0).default(1),
  /** Of all activities together, for a million rows: queries/runs.kql says it of your own runs. */
  seconds: number(0).default(2.7),
  ready: number(0).default(0),
  price: z
    .array(z.string().regex(/^\w+=[\d.e-]+$/i, 'is not PART=DOLLARS'))
    .default([])
    .transform((pairs) => pairs.map((pair) => pair.split('=') as [string, string]))
    .refine((pairs) => pairs.every(([part]) => part in prices), `PART is one of ${Object.keys(prices).join(', ')}`)
    .transform((pairs) => Object.fromEntries(pairs.map(([part, dollars]) => [part, Number(dollars)]))),
});

/** The answer of the command, as Markdown. @throws ZodError for an option that is wrong, with its name. */
export function answer(given: Record<string, unknown>): string {
  const { rows, files, runs, seconds, ready, price } = options.parse(given);
  const counts = estimator(flights)(rows, files, (seconds * rows) / 1e6);
  const lines = monthOf(counts, { runsPerDay: runs, ready }, { ...prices, ...price });
  const own = lines.filter(({ part }) => !part.startsWith('a scheduler'));
  const sum = own.reduce((total, { dollars = 0 }) => total + dollars, 0);
  const show = (dollars: number | undefined) => (dollars === undefined ? 'no price' : `$${dollars.toFixed(4)}`);
  return [
    `Runs a day: ${runs}. Rows of a run: ${rows.toLocaleString('en-US')}, in ${files} source file${files === 1 ? '' : 's'}. A month has ${daysPerMonth} days.`,
    `Prices of ${pricedOn}, runs of \`flights\` counted on ${countedOn}; ${seconds} s of activities a million rows.`,
    '',
    '| part | amount | a month |',
    '|---|--:|--:|',
    ...lines.map(({ part, amount, dollars }) => `| ${part} | ${amount} | ${show(dollars)} |`),
    `| **together, without a scheduler** | | **${show(sum)}** |`,
  ].join('\n');
}

if (import.meta.main) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ rows: text, files: text, runs: text, seconds: text, ready: text },
      price: { type: 'string', multiple: true },
    },
  });
  const parsed = options.safeParse(values);
  if (parsed.success) console.log(answer(values));
  else {
    for (const { path, message } of parsed.error.issues) console.error(`--${path.join(' ')}: ${message}`);
    process.exitCode = 2;
  }
}
