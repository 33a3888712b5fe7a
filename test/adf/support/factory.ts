/**
 * Plays Data Factory by its documented rules: runs a pipeline's activities in order of their dependencies.
 *
 * - Azure Function activity: `{functionAppUrl}/api/{functionName}`; the answer must come within 230 s, be 2xx and a
 *   JSON object ("Response Content is not a valid JObject", error 3603).
 * - Web activity: follows 202 with `Location`, with no headers of its own; 400 and above fails it, with the answer's
 *   body in the message; the answer must be a JSON object.
 * - Webhook activity: adds `callBackUri` to the body, wants its first answer within a minute, and waits for the call.
 *   With `reportStatusOnCallBack`, `StatusCode` of 400 or above fails it with `Error`.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { evaluateAll, type Scope } from './expression.ts';

export interface Activity {
  name: string;
  type: string;
  dependsOn?: { activity: string; dependencyConditions: string[] }[];
  typeProperties: Record<string, unknown>;
}

export interface Pipeline {
  name: string;
  properties: {
    activities: Activity[];
    parameters: Record<string, { type: string; defaultValue: unknown }>;
    variables?: Record<string, { type: string; defaultValue?: unknown }>;
  };
}

export interface PipelineResult {
  status: 'Succeeded' | 'Failed';
  /** By activity. */
  outputs: Record<string, unknown>;
  error?: { activity: string; code: string; message: string };
  /** Requests that were made, in order: method, URL, status. */
  requests: string[];
}

class ActivityFailed extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface FactoryOptions {
  /** What linked services and Key Vault give: the key goes with an Azure Function activity as a header. */
  functionKey: string;
  /** Shortens what Data Factory waits between polls. */
  pollMs: number;
  runId: string;
  /** Hears each answer, before the next request is made. */
  onAnswer?: (request: string) => void | Promise<void>;
}

export async function runPipeline(
  pipeline: Pipeline,
  parameters: Record<string, unknown>,
  options: FactoryOptions,
): Promise<PipelineResult> {
  const { properties } = pipeline;
  const defaults = (specs: Record<string, { defaultValue?: unknown }> = {}) =>
    Object.fromEntries(Object.entries(specs).map(([name, { defaultValue }]) => [name, defaultValue]));
  for (const name of Object.keys(parameters)) {
    if (!(name in properties.parameters)) throw new Error(`pipeline ${pipeline.name} has no parameter "${name}"`);
  }
  const scope: Scope = {
    parameters: { ...defaults(properties.parameters), ...parameters },
    variables: defaults(properties.variables),
    outputs: {},
    runId: options.runId,
  };
  const run = new Run(scope, options);
  try {
    await run.all(properties.activities);
    return { status: 'Succeeded', outputs: scope.outputs, requests: run.requests };
  } catch (thrown) {
    if (!(thrown instanceof ActivityFailed)) throw thrown;
    const error = { activity: run.current, code: thrown.code, message: thrown.message };
    return { status: 'Failed', outputs: scope.outputs, error, requests: run.requests };
  }
}

class Run {
  readonly requests: string[] = [];
  current = '';
  readonly #scope: Scope;
  readonly #options: FactoryOptions;

  constructor(scope: Scope, options: FactoryOptions) {
    this.#scope = scope;
    this.#options = options;
  }

  async all(activities: readonly Activity[]): Promise<void> {
    const done = new Set<string>();
    while (done.size < activities.length) {
      const next = activities.find(
        ({ name, dependsOn = [] }) => !done.has(name) && dependsOn.every(({ activity }) => done.has(activity)),
      );
      if (!next) throw new Error('the activities depend on each other in a circle');
      this.current = next.name;
      await this.#run(next);
      done.add(next.name);
    }
  }

  async #run({ name, type, typeProperties }: Activity): Promise<void> {
    const of = <T>(property: string) => evaluateAll(typeProperties[property], this.#scope) as T;
    switch (type) {
      case 'AzureFunctionActivity': {
        const url = `${this.#scope.parameters.appUrl}/api/${of<string>('functionName')}`;
        const headers = { ...of<object>('headers'), 'x-functions-key': this.#options.functionKey };
        const answer = await this.#request(of('method'), url, headers, of('body'), 230_000);
        if (answer.status >= 300)
          throw new ActivityFailed('3608', `Call to provided Azure function failed: ${answer.text}`);
        this.#scope.outputs[name] = jObject(answer.text, '3603');
        return;
      }
      case 'WebActivity':
        this.#scope.outputs[name] = await this.#web(of('method'), of('url'), of<object>('headers') ?? {});
        return;
      case 'WebHook':
        this.#scope.outputs[name] = await this.#webHook(of('url'), of<object>('headers'), of('body'));
        return;
      case 'SetVariable':
        this.#scope.variables[of<string>('variableName')] = of('value');
        return;
      case 'Wait':
        await sleep(this.#options.pollMs);
        return;
      case 'Until':
        do await this.all(typeProperties.activities as Activity[]);
        while (of('expression') !== true);
        return;
      case 'IfCondition':
        await this.all(
          (typeProperties[of('expression') === true ? 'ifTrueActivities' : 'ifFalseActivities'] as Activity[]) ?? [],
        );
        return;
      case 'Fail':
        throw new ActivityFailed(of('errorCode'), of('message'));
      default:
        throw new Error(`activity type ${type} is not played`);
    }
  }

  async #web(method: string, url: string, headers: object): Promise<unknown> {
    let answer = await this.#request(method, url, headers, undefined, 60_000);
    while (answer.status === 202 && answer.location !== null) {
      await sleep(this.#options.pollMs);
      answer = await this.#request('GET', answer.location, {}, undefined, 60_000);
    }
    if (answer.status >= 400) {
      throw new ActivityFailed(
        '2108',
        `Error calling the endpoint. Response status code: ${answer.status}. More details: ${answer.text}`,
      );
    }
    return jObject(answer.text, '2108');
  }

  async #webHook(url: string, headers: object, body: string): Promise<unknown> {
    const calls: unknown[] = [];
    let called: () => void = () => {};
    const call = new Promise<void>((resolve) => {
      called = resolve;
    });
    const server = createServer((request, response) => {
      void textOf(request).then((text) => {
        calls.push(JSON.parse(text));
        this.requests.push(`${request.method} callback`);
        // The first call is taken, later ones find nobody.
        response.writeHead(calls.length === 1 ? 200 : 404).end('{}');
        called();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const callBackUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback?token=secret`;
      const answer = await this.#request(
        'POST',
        url,
        headers,
        JSON.stringify({ ...JSON.parse(body), callBackUri }),
        60_000,
      );
      if (answer.status >= 400) throw new ActivityFailed('BadRequest', answer.text);
      await call;
    } finally {
      server.close();
    }
    const told = calls[0] as {
      Output: unknown;
      Error?: { ErrorCode: string; Message: string };
      StatusCode: string;
    };
    const { ErrorCode = '', Message = '' } = told.Error ?? {};
    if (Number(told.StatusCode) >= 400) throw new ActivityFailed(ErrorCode, Message);
    return told.Output;
  }

  async #request(method: string, url: string, headers: object, body: string | undefined, timeoutMs: number) {
    const response = await fetch(url, {
      method,
      headers: headers as Record<string, string>,
      ...(body !== undefined && { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    const request = `${method} ${new URL(url).pathname} ${response.status}`;
    this.requests.push(request);
    await this.#options.onAnswer?.(request);
    return { status: response.status, location: response.headers.get('location'), text };
  }
}

function jObject(text: string, code: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Falls through: no JSON is no object.
  }
  throw new ActivityFailed(code, 'Response Content is not a valid JObject');
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
