/**
 * Who comes to a simulated world from outside: the durable client as the app has it, HTTP callers of the real routes,
 * the sweep's timer, blobs that arrive. Used by `sim.ts` and by tests. A client's worker may die on the way, like any
 * other; who asked then has no answer.
 */
import assert from 'node:assert/strict';
import { HttpRequest } from '@azure/functions';
import { receiveArrival } from '../../../src/arrival/receive.ts';
import type { DurableRuns, Instance } from '../../../src/durable/client.ts';
import type { Environment } from '../../../src/environment/environment.ts';
import { answer } from '../../../src/http/problem.ts';
import { routes } from '../../../src/http/routes.ts';
import { sweep } from '../../../src/upkeep/sweep.ts';
import type { Host, SimInstance } from './sim-host.ts';
import type { Steps } from './sim-steps.ts';
import type { Running, Workers } from './sim-workers.ts';

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const log = { info: () => {}, warn: () => {}, error: () => {} };

export class Clients {
  readonly runs: DurableRuns;
  /** How many steps an end from outside takes at most, until it takes effect. */
  endStepsMax = 0;
  readonly #steps: Steps;
  readonly #workers: Workers;
  readonly #host: Host;
  #ids = 0;

  constructor(steps: Steps, workers: Workers, host: Host) {
    this.#steps = steps;
    this.#workers = workers;
    this.#host = host;
    this.runs = this.#client();
  }

  /** A request to the API. Undefined when nobody answered: the worker died, or the client did not wait. */
  ask(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer | undefined> {
    const { handler, params, name } = routeOf(method, path);
    const runId = params.runId ?? (body as { runId?: string } | undefined)?.runId ?? '';
    return this.#served(name, runId, body ?? {}, async (environment, worker) => {
      const door = {
        environment,
        runs: this.runs,
        now: this.#workers.now(worker),
        newRunId: () => `auto-${++this.#ids}`,
        hostname: undefined,
      };
      const request = new HttpRequest({
        url: `http://app.test/api/${path}`,
        method,
        params,
        headers,
        ...(body && { body: { string: JSON.stringify(body) } }),
      });
      const given = await answer(() => handler(door, request));
      return { status: given.status ?? 200, body: JSON.parse(String(given.body)) as Answer['body'] };
    });
  }

  /** One run of the sweep. False when it was cut short. */
  async sweep(): Promise<boolean> {
    const done = await this.#served('sweep', '', {}, async (environment, worker) => {
      await sweep({ environment, runs: this.runs, log, now: () => this.#workers.now(worker) });
      return true;
    });
    return done === true;
  }

  /** An event says that something happened to a blob. It is delivered again when nobody took it. */
  arrive(pipelineName: string, blob: string, tries = 5): void {
    const attempt = async () => {
      const verdict = await this.#served('arrival', '', {}, (environment, worker) => {
        const pipeline = environment.pipelines.get(pipelineName)!;
        const mode = pipeline.arrival;
        assert.ok(mode, `"${pipelineName}" is started by arrivals`);
        const now = this.#workers.now(worker);
        return receiveArrival({ environment, runs: this.runs, log, now, pipeline, mode }, blob);
      });
      if (verdict === undefined && tries > 1) this.arrive(pipelineName, blob, tries - 1);
    };
    this.#steps.later('arrival', () => void attempt());
  }

  /** Does something on a worker, outside of any orchestration. Undefined when it failed, or its worker died. */
  #served<T>(
    activity: string,
    run: string,
    input: object,
    work: (environment: Environment, worker: number) => Promise<T>,
  ): Promise<T | undefined> {
    const owner = { run, life: this.#host.newestLife(run) };
    return new Promise((resolve) => {
      const running: Running = {
        activity,
        instance: 'client',
        input,
        again: false,
        owner,
        worker: this.#workers.turn(),
        dead: false,
        retry: () => this.#steps.later('no answer', () => resolve(undefined)),
      };
      const serve = () =>
        this.#workers
          .execute(running, (environment) => work(environment, running.worker))
          .then(
            (value) => this.#steps.later(`answer ${activity}`, () => resolve(value)),
            () => this.#steps.later(`failed ${activity}`, () => resolve(undefined)),
          );
      this.#steps.later(activity, () => void serve());
    });
  }

  #client(): DurableRuns {
    const { instances, entities } = this.#host;
    return {
      start: (name, id, input) => this.#start(name, id, input),
      get: async (id) => {
        await this.#steps.next('client get');
        const instance = instances.get(id);
        return instance && shown(instance);
      },
      list: async ({ status, createdFrom, createdTo, continuation, top }) => {
        await this.#steps.next('client list');
        const all = [...instances.values()]
          .map(shown)
          .filter((one) => status === undefined || status.includes(one.status))
          .filter((one) => createdFrom === undefined || one.createdAt >= createdFrom)
          .filter((one) => createdTo === undefined || one.createdAt <= createdTo)
          .filter((one) => continuation === undefined || one.instanceId > continuation)
          .sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
        const page = all.slice(0, top);
        const last = page.at(-1);
        return { instances: page, ...(all.length > top && last && { continuation: last.instanceId }) };
      },
      terminate: async (id, reason) => {
        await this.#steps.next('client terminate');
        // It takes effect when the host comes to it: what runs goes on until then.
        const delay = Math.floor(this.#steps.random() * this.endStepsMax);
        if (delay > 0 && instances.get(id)?.status === 'Running') this.#workers.note('an end that takes its time');
        this.#steps.later(`end ${id}`, () => this.#host.end(id, reason), delay);
      },
      purge: async (id) => {
        await this.#steps.next('client purge');
        return instances.get(id)?.status === 'Running' ? false : instances.delete(id);
      },
      entity: async (name, key) => {
        await this.#steps.next('client entity');
        const text = entities.get(`${name}/${key}`);
        return text === undefined ? undefined : (JSON.parse(text) as unknown);
      },
    };
  }

  /** To look and to create are two things: of starts that race, all are told that they started it. */
  async #start(name: string, id: string, input: object): Promise<boolean> {
    await this.#steps.next('client start');
    const { instances } = this.#host;
    if (instances.get(id)?.status === 'Running') return false;
    const given = JSON.parse(JSON.stringify(input)) as object;
    await this.#steps.next('client create');
    const other = instances.get(id);
    if (other?.status !== 'Running') {
      this.#host.begin(id, name, given);
    } else if (this.#steps.random() < 0.5) {
      this.#workers.note('racing starts: the last execution replaces the first');
      this.#host.begin(id, name, given);
    } else {
      this.#workers.note('racing starts: the first execution goes on');
      if (this.#steps.random() < 0.5) other.shown = given;
    }
    return true;
  }
}

function shown({
  id,
  name,
  status,
  shown: input,
  customStatus,
  output,
  error,
  createdAt,
  updatedAt,
}: SimInstance): Instance {
  return {
    instanceId: id,
    name,
    status,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    input: structuredClone(input),
    customStatus: customStatus ?? null,
    output: error ?? output ?? null,
  };
}

function routeOf(method: string, path: string) {
  for (const route of routes) {
    const pattern = new RegExp(`^${route.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
    const match = route.method === method ? pattern.exec(path.replace(/\?.*/, '')) : null;
    if (match) return { handler: route.handler, name: route.name, params: { ...match.groups } };
  }
  throw new Error(`no route ${method} ${path}`);
}
