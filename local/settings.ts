import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the host takes from host.json, with Azure's defaults. */
export interface HostSettings {
  routePrefix: string;
  /** Undefined: no limit. */
  functionTimeoutMs: number | undefined;
  hubName: string;
  maxConcurrentActivityFunctions: number;
  maxConcurrentOrchestratorFunctions: number;
  maxConcurrentEntityFunctions: number;
  maxEntityOperationBatchSize: number;
  maxOrchestrationActions: number;
  /** `AnyState` allows a second start whatever the first one's status. */
  anyStateOverridable: boolean;
  httpPollDelayMs: number;
  defaultVersion: string;
  poisonBlobThreshold: number;
  blobParallelism: number;
  /** Keys that are there and do nothing here. */
  ignored: string[];
}

export class SettingsError extends Error {}

type Json = Record<string, unknown>;

/** Reads `host.json`. @throws SettingsError when it is missing, not JSON, or a value is of the wrong kind. */
export function readHostJson(scriptRoot: string, cores: number, env: Record<string, string>): HostSettings {
  const file = join(scriptRoot, 'host.json');
  const reader = new Reader(readJson(file), file, env);
  const durable = 'extensions.durableTask';
  const hubName = reader.text(`${durable}.hubName`, 'TestHubName');
  if (!/^[A-Za-z][A-Za-z0-9]{2,44}$/.test(hubName)) {
    throw new SettingsError(`${file}: ${durable}.hubName must be 3 to 45 letters and digits, a letter first.`);
  }
  if (reader.text('version', '2.0') !== '2.0') throw new SettingsError(`${file}: "version" must be "2.0".`);
  const overridable = reader.text(`${durable}.overridableExistingInstanceStates`, 'NonRunningStates');
  const settings: HostSettings = {
    routePrefix: reader.text('extensions.http.routePrefix', 'api').replace(/^\/|\/$/g, ''),
    functionTimeoutMs: timeSpan(reader.text('functionTimeout', '00:30:00'), `${file}: functionTimeout`),
    hubName,
    maxConcurrentActivityFunctions: reader.count(`${durable}.maxConcurrentActivityFunctions`, 10 * cores),
    maxConcurrentOrchestratorFunctions: reader.count(`${durable}.maxConcurrentOrchestratorFunctions`, 10 * cores),
    maxConcurrentEntityFunctions: reader.count(`${durable}.maxConcurrentEntityFunctions`, 10 * cores),
    maxEntityOperationBatchSize: reader.count(`${durable}.maxEntityOperationBatchSize`, 5000),
    maxOrchestrationActions: reader.count(`${durable}.maxOrchestrationActions`, 100_000),
    anyStateOverridable: overridable === 'AnyState',
    httpPollDelayMs: reader.count(`${durable}.httpSettings.defaultAsyncRequestSleepTimeMilliseconds`, 30_000),
    defaultVersion: reader.text(`${durable}.defaultVersion`, ''),
    poisonBlobThreshold: reader.count('extensions.blobs.poisonBlobThreshold', 5),
    blobParallelism: reader.count('extensions.blobs.maxDegreeOfParallelism', 8 * cores),
    ignored: [],
  };
  settings.ignored = reader.unread(['extensionBundle', 'logging', '$schema']);
  return settings;
}

/** The app settings: `Values` of local.settings.json, or of the sample; what the environment has already wins. */
export function readAppSettings(
  scriptRoot: string,
  env: Record<string, string | undefined>,
): { values: Record<string, string>; file: string | undefined } {
  const candidates = ['local.settings.json', 'local.settings.sample.json'].map((name) => join(scriptRoot, name));
  const file = candidates.find((each) => existsSync(each));
  const values: Record<string, string> = {};
  if (file !== undefined) {
    const found = readJson(file).Values ?? {};
    if (typeof found !== 'object' || found === null) throw new SettingsError(`${file}: "Values" must be an object.`);
    for (const [name, value] of Object.entries(found)) {
      if (typeof value === 'object') throw new SettingsError(`${file}: "Values.${name}" must be a text.`);
      values[name] = String(value);
    }
  }
  for (const [name, value] of Object.entries(env)) if (value !== undefined) values[name] = value;
  return { values, file };
}

function readJson(file: string): Json {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new SettingsError(`${file} is missing: a Functions app has one beside its package.json.`);
  }
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is not an object');
    return value as Json;
  } catch (error) {
    throw new SettingsError(`${file} is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Reads values by path and remembers which it read. */
class Reader {
  private readonly root: Json;
  private readonly file: string;
  private readonly env: Record<string, string>;
  private readonly read = new Set<string>();

  constructor(root: Json, file: string, env: Record<string, string>) {
    this.root = root;
    this.env = env;
    this.file = file;
  }

  text(path: string, fallback: string): string {
    const value = this.at(path);
    if (value === undefined) return fallback;
    if (typeof value !== 'string') throw new SettingsError(`${this.file}: ${path} must be a text.`);
    return value;
  }

  count(path: string, fallback: number): number {
    const value = this.at(path);
    if (value === undefined) return fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
      throw new SettingsError(`${this.file}: ${path} must be a whole number above 0.`);
    }
    return value;
  }

  /** Paths of all leaves that nobody asked for, but for those below `known`. */
  unread(known: readonly string[]): string[] {
    const paths: string[] = [];
    const visit = (value: unknown, path: string) => {
      if (known.includes(path) || this.read.has(path)) return;
      const isBranch = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (!isBranch) paths.push(path);
      else for (const [key, child] of Object.entries(value)) visit(child, path === '' ? key : `${path}.${key}`);
    };
    visit(this.root, '');
    return paths;
  }

  /** The app setting `AzureFunctionsJobHost__a__b` stands above `a.b` in the file, as in Azure. */
  private at(path: string): unknown {
    this.read.add(path);
    const override = this.env[`AzureFunctionsJobHost__${path.replaceAll('.', '__')}`];
    if (override !== undefined) return /^\d+$/.test(override) ? Number(override) : override;
    let value: unknown = this.root;
    for (const key of path.split('.')) {
      if (typeof value !== 'object' || value === null) return undefined;
      value = (value as Json)[key];
    }
    return value ?? undefined;
  }
}

/** Milliseconds of a .NET TimeSpan such as `00:10:00` or `1.00:00:00`; `-1` means no limit. */
function timeSpan(text: string, what: string): number | undefined {
  if (text === '-1') return undefined;
  const found = /^(?:(\d+)\.)?(\d+):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/.exec(text);
  if (found === null) throw new SettingsError(`${what} must be a time span such as "00:10:00".`);
  const [days, hours, minutes, secs] = found.slice(1, 5).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const fraction = Number(`0.${found[5] ?? 0}`);
  return (((days * 24 + hours) * 60 + minutes) * 60 + secs + fraction) * 1000;
}
