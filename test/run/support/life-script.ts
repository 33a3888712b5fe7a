/**
 * What happens in a long life, as data: a list of operations that a seed chooses, and the faults that are in force. A
 * script can be played again, and with operations or faults left out: that is how a violation is made small. Used by
 * `life-play.ts` and `shrink.ts`; it does nothing itself.
 */
import { mulberry32 } from './sim-steps.ts';
import { type Chaos, calm } from './sim-workers.ts';

/** How an operation names what it is about, among what there is when its turn comes: 0 to 1. */
type Pick = number;

/** How a life is ended from outside, or fails. */
export type EndBy = 'cancel' | 'terminate' | 'fail';

type Start = { by: 'prefix' | 'blobs' | 'glob' };

export type Operation = { steps: number } & (
  | {
      do: 'start';
      pipeline: string;
      /** Rows of each file. */
      files: number[];
      by: 'prefix' | 'blobs' | 'glob';
      /** Starts at the same time, the same or of another source. */
      racers: ('same' | 'other')[];
      /** Further runs over the same source, at the same time: each version of a blob is read by one of them. */
      rivals: Start['by'][];
    }
  | {
      do: 'cross';
      run: Pick;
      /** Requests that are held back until the next life has come past them: `<kind>:<operation>`. */
      holds: string[];
      end: EndBy;
      /** The source is changed before the run is started again. */
      change: boolean;
      /** Steps between the end and the new start. */
      pause: number;
      /** Pipeline of further runs that it begins. */
      pipeline: string;
      /** Another run begins in between, and may be given what the ended life gives back. */
      beside: boolean;
      again: 'start' | 'restart';
    }
  | { do: 'look'; run: Pick }
  /** `newest`: of the runs that have published, a late one, which may go; else any. */
  | { do: 'withdraw'; run: Pick; newest: boolean }
  | { do: 'sweep' }
  | { do: 'jump'; ms: number }
  | { do: 'clock'; worker: Pick; ms: number }
  | { do: 'kill'; worker: Pick }
  | { do: 'arrive'; pipeline: 'mail' | 'post'; rows: number; events: number[] }
);

export interface Script {
  seed: number;
  /** Seeds the choice of steps; the seed itself unless a smaller history was looked for. */
  schedule: number;
  operations: Operation[];
  chaos: Chaos;
  /** Workers, each with its own caches and clock. */
  workers: number;
  /** Steps that an end from outside takes at most. */
  endSteps: number;
  /** Footers of several files are read by several activities. */
  manyFiles: boolean;
  /** Runs take the short way. */
  short: boolean;
}

/** Every kind of request that a life makes, or that is made for it. */
export const requests = [
  ...['plan:read', 'plan:write', 'plan:remove', 'split:list', 'split:read', 'split:write', 'split:remove'],
  ...['resolved:read', 'resolved:write', 'resolved:remove', 'ids:read', 'ids:write', 'ids:remove'],
  ...['sealed:read', 'sealed:write', 'sealed:remove', 'published:read', 'published:write', 'published:remove'],
  ...[
    'claim:list',
    'claim:read',
    'claim:write',
    'keyIndex:list',
    'keyIndex:read',
    'keyIndex:write',
    'keyDelta:read',
    'keyDelta:write',
    'keyDelta:remove',
  ],
  ...['ledger:read', 'ledger:write', 'versions:list', 'versions:read', 'versions:write', 'versions:remove'],
  ...['part:head', 'part:read', 'part:stage', 'part:commit', 'part:write', 'part:remove'],
  ...['manifest:read', 'manifest:list', 'manifest:write', 'marker:write', 'other:list', 'other:read', 'other:write'],
];

/** Those that are made late in a life, or by few. */
const rare = [
  ...['ids:read', 'ids:write', 'ids:remove', 'sealed:read', 'sealed:write', 'sealed:remove', 'published:read'],
  ...['published:write', 'published:remove', 'keyDelta:write', 'keyDelta:remove', 'part:commit', 'part:remove'],
  ...['part:write', 'part:write', 'resolved:read', 'manifest:write', 'manifest:list', 'keyIndex:write', 'part:stage'],
  ...['ledger:write', 'ledger:write', 'versions:write', 'versions:remove'],
  ...['other:read', 'claim:write', 'part:write', 'part:head', 'part:head', 'published:read'],
];
/** What a cross holds back: of the rare ones, twice as many. */
const held = [...requests, ...rare, ...rare];

const pipelines = ['shop', 'shop', 'web', 'log', 'audit', 'club'];

export function scriptOf(seed: number): Script {
  const random = mulberry32(Math.imul(seed, 0x9e3779b1) + 1);
  const chance = (share: number) => random() < share;
  const upTo = (n: number) => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]): T => items[upTo(items.length)]!;
  const files = () => Array.from({ length: 1 + upTo(2) }, () => 1 + upTo(5));
  const start = (): Operation => ({
    do: 'start',
    pipeline: pick(pipelines),
    files: files(),
    by: pick(['prefix', 'prefix', 'blobs', 'glob']),
    racers: chance(0.4) ? Array.from({ length: 1 + upTo(3) }, () => pick(['same', 'other'])) : [],
    rivals: chance(0.3) ? Array.from({ length: 1 + upTo(2) }, () => pick(['prefix', 'blobs', 'glob'])) : [],
    steps: upTo(150),
  });
  const cross = (): Operation => ({
    do: 'cross',
    run: random(),
    holds: chance(0.8) ? Array.from({ length: 1 + upTo(4) }, () => pick(held)) : [],
    end: pick(['cancel', 'cancel', 'terminate', 'fail']),
    change: chance(0.25),
    pause: chance(0.5) ? 0 : upTo(400),
    pipeline: pick(pipelines),
    beside: chance(0.3),
    again: pick(['start', 'start', 'restart']),
    steps: upTo(300),
  });
  const any = (): Operation => {
    const steps = upTo(100);
    switch (pick(['look', 'sweep', 'jump', 'clock', 'kill', 'arrive', 'arrive', 'withdraw'])) {
      case 'look':
        return { do: 'look', run: random(), steps };
      case 'withdraw':
        return { do: 'withdraw', run: random(), newest: false, steps };
      case 'sweep':
        return { do: 'sweep', steps };
      case 'jump':
        return { do: 'jump', ms: 1000 * upTo(chance(0.3) ? 3600 : 60), steps };
      case 'clock':
        return { do: 'clock', worker: random(), ms: Math.floor((random() - 0.5) * 10 ** (2 + upTo(5))), steps };
      case 'kill':
        return { do: 'kill', worker: random(), steps };
      default: {
        const events = Array.from({ length: 1 + upTo(3) }, () => upTo(300));
        return { do: 'arrive', pipeline: pick(['mail', 'post']), rows: 1 + upTo(4), events, steps };
      }
    }
  };
  const operations = [start()];
  const count = 6 + upTo(5);
  while (operations.length < count) {
    const roll = random();
    operations.push(roll < 0.25 ? start() : roll < 0.65 ? cross() : any());
  }
  // By a choice of their own, so that all else is as the seed says.
  const later = mulberry32(Math.imul(seed, 0x85ebca6b) + 7);
  for (let n = Math.floor(later() * 3); n > 0; n--) {
    const at = 2 + Math.floor(later() * (operations.length - 1));
    const steps = Math.floor(later() * 300);
    operations.splice(at, 0, { do: 'withdraw', run: later(), newest: true, steps });
  }
  const rough = { storage: 0.002, fatal: 0.0004, die: 0.002, duplicate: 0.02, lost: 0.002, slow: 0.02 };
  return {
    seed,
    schedule: seed,
    operations,
    chaos: chance(0.15) ? { ...calm } : rough,
    workers: 2 + upTo(2),
    endSteps: chance(0.7) ? 10 + upTo(600) : 0,
    manyFiles: chance(0.25),
    short: chance(0.5),
  };
}

/** The same with one question: what if this request of a life that is ended lands late, and its IDs went to another run? */
export function holding(script: Script, request: string): Script {
  const operations = script.operations.map((operation): Operation => {
    if (operation.do === 'start') return { ...operation, racers: [], rivals: [] };
    if (operation.do !== 'cross') return operation;
    return {
      ...operation,
      holds: [request],
      end: 'terminate',
      beside: true,
      pause: 400,
      again: 'start',
      change: false,
    };
  });
  return { ...script, operations };
}
