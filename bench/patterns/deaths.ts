/**
 * What a death in the middle leaves behind: a pattern is killed at seeded points of its run, started again as the platform
 * would, and run to its end; then DuckDB looks for faults. A point is a request to storage: the process that makes it, or
 * the whole host, gets SIGKILL either before the request reaches the service or after the service has done it. So a point
 * means the same on a slow machine. Linux only, for the process behind a request is found in `/proc`.
 */
import { seededRandom } from '../../packages/local-host/src/chaos.ts';
import type { Witness } from '../counting-proxy.ts';
import { holderOfPort, treeOf } from '../processes.ts';
import type { Faults } from './check.ts';
import { check } from './measure.ts';
import type { Sources } from './sources.ts';
import { Stage } from './stage.ts';
import type { Variant } from './variants.ts';

export interface Death {
  pattern: string;
  files: number;
  rows: number;
  in_flight: number;
  /** 1-based. */
  point: number;
  /** The request at which it died, of how many a run makes. */
  request: number;
  of_requests: number;
  /** Before the service had the request, or after it had done it. */
  when: 'asked' | 'answered';
  victim: 'worker' | 'host';
  /** A reader found some of the run's files at that moment, and not all. */
  seen_half: boolean;
  /** Of the run once it ended; null when it failed or did not end. */
  faults: Faults | null;
  error: string | null;
  day: string;
}

interface Trap {
  request: number;
  when: Death['when'];
  spring(clientPort: number): void;
}

/**
 * Share of a run's requests between which deaths fall: before a third of them nobody takes numbers or publishes, in any
 * pattern, and whatever is lost is made again; at the very end nothing is under way.
 */
const [shareMin, shareMax] = [0.3, 0.98];
/** A run may make fewer requests than the one before, so a point may not be reached: then it is tried again, earlier. */
const triesMax = 4;

export interface DeathOptions {
  variant: Variant;
  sources: Sources;
  inFlight: number;
  points: number;
  seed: number;
  postgresUrl?: string | undefined;
  log(line: string): void;
}

export async function killAtPoints(options: DeathOptions): Promise<Death[]> {
  const { variant, sources, inFlight, points, postgresUrl } = options;
  const random = seededRandom(options.seed);
  let trap: Trap | undefined;
  let seen = 0;
  const witness: Witness = (when, clientPort) => {
    if (when === 'asked') seen++;
    if (!trap || trap.when !== when || seen < trap.request) return;
    const { spring } = trap;
    trap = undefined;
    spring(clientPort);
  };
  const stage = await Stage.open({ variant, inFlight, postgresUrl, witness });
  const arm = (next: Trap | undefined) => {
    seen = 0;
    trap = next;
  };
  try {
    await stage.upload(sources.files);
    await stage.startHost();
    arm(undefined);
    await stage.start('whole');
    await stage.complete('whole');
    const requests = seen;
    const whole = await check(stage, 'whole', sources.files);
    options.log(`${variant.name}: ${requests} requests without a death; ${JSON.stringify(whole)}`);
    await stage.host.stop();
    const deaths: Death[] = [];
    for (let point = 1; point <= points; point++) {
      // One in each tenth of that stretch, when there are ten.
      const share = shareMin + ((shareMax - shareMin) * (point - 1 + random())) / points;
      const when = random() < 0.5 ? 'asked' : 'answered';
      const victim = point % 2 === 0 ? 'host' : 'worker';
      const death = await dieOnce(stage, options, { arm, share, requests, when, victim, point });
      options.log(`${variant.name} ${point}: ${JSON.stringify(death)}`);
      deaths.push(death);
    }
    return deaths;
  } finally {
    await stage.close();
  }
}

interface Point {
  arm(trap: Trap | undefined): void;
  share: number;
  requests: number;
  when: Death['when'];
  victim: Death['victim'];
  point: number;
}

async function dieOnce(stage: Stage, options: DeathOptions, at: Point): Promise<Death> {
  const { variant, sources, inFlight } = options;
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const request = Math.max(1, Math.floor(at.share * at.requests * 0.9 ** attempt));
    const run = `d${at.point}t${attempt}`;
    await stage.clean();
    await stage.startHost();
    let visible: Promise<string[]> | undefined;
    let [hostDied, victim] = [false, at.victim];
    const spring = (clientPort: number) => {
      visible = stage.visible(run);
      const [host, ...workers] = treeOf(stage.host.pid);
      const pid = at.victim === 'worker' ? holderOfPort(clientPort, workers) : host;
      // A request that no worker holds is the host's own.
      hostDied = pid === undefined || pid === host;
      victim = hostDied ? 'host' : 'worker';
      process.kill(pid ?? host!, 'SIGKILL');
    };
    at.arm({ request, when: at.when, spring });
    let error: string | null = null;
    try {
      const restart = async () => {
        if (!hostDied) return;
        hostDied = false;
        await stage.host.ended;
        await stage.startHost('same');
      };
      // Who starts a run and gets no answer asks again, with the same ID.
      for (let asks = 0; asks < triesMax && !(await stage.start(run)); asks++) await restart();
      await stage.complete(run, restart);
    } catch (thrown) {
      error = String(thrown).slice(0, 500);
    }
    at.arm(undefined);
    const sprung = visible !== undefined;
    const faults = error === null && sprung ? await check(stage, run, sources.files) : null;
    const atDeath = (await visible)?.length ?? 0;
    const inTheEnd = (await stage.visible(run)).length;
    await stage.host.stop();
    if (!sprung && error === null) continue;
    return {
      pattern: variant.name,
      files: sources.files.length,
      rows: sources.rows,
      in_flight: inFlight,
      point: at.point,
      request,
      of_requests: at.requests,
      when: at.when,
      victim,
      seen_half: atDeath > 0 && atDeath < inTheEnd,
      faults,
      error,
      day: new Date().toISOString().slice(0, 10),
    };
  }
  throw new Error(`${variant.name}: point ${at.point} was not reached in ${triesMax} runs`);
}
