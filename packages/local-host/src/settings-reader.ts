/**
 * Reads values of host.json by their paths and checks their ranges. `settings.ts` uses it. It remembers which paths
 * were read, so that the host can name the settings that do nothing.
 */
import { readFileSync } from 'node:fs';
import { type LogLevels, logLevelNames } from './log-levels.ts';

export class SettingsError extends Error {}

export type Json = Record<string, unknown>;

/** @throws SettingsError when the file is missing or no JSON object. */
export function readJson(file: string): Json {
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
export class SettingsReader {
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

  /** One of `choices`, compared without case as .NET does; the first is the default. */
  choice<T extends string>(path: string, choices: readonly [T, ...T[]]): T {
    const value = this.text(path, choices[0]);
    const found = choices.find((each) => each.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw new SettingsError(`${this.file}: ${path} must be one of ${choices.join(', ')}.`);
    return found;
  }

  /** `logging.logLevel`, for the categories that this host has. @throws SettingsError for an unknown level. */
  logLevels(): LogLevels {
    const path = 'logging.logLevel';
    const given = Object.entries((this.at(path) ?? {}) as Json);
    this.read.delete(path);
    const first = this.at(`${path}.default`);
    const levels = new Map<string, LogLevels extends ReadonlyMap<string, infer Level> ? Level : never>();
    for (const [category, value] of [...given, ...(first === undefined ? [] : [['default', first] as const])]) {
      if (!/^(default|(Function|Host)(\..*)?)$/i.test(category)) continue;
      this.read.add(`${path}.${category}`);
      const level = logLevelNames.find((each) => each === String(value).toLowerCase());
      if (level === undefined) {
        throw new SettingsError(`${this.file}: ${path}.${category} must be one of ${logLevelNames.join(', ')}.`);
      }
      levels.set(category.toLowerCase(), level);
    }
    return levels;
  }

  flag(path: string, fallback: boolean): boolean {
    const value = this.at(path);
    if (value === undefined) return fallback;
    const text = String(value).toLowerCase();
    if (text !== 'true' && text !== 'false') throw new SettingsError(`${this.file}: ${path} must be true or false.`);
    return text === 'true';
  }

  /** A limit; -1, which is the default, means none. */
  limit(path: string): number | undefined {
    const value = this.at(path);
    return value === undefined || Number(value) === -1 ? undefined : this.count(path, 1);
  }

  /** Milliseconds of a .NET TimeSpan such as `00:10:00` or `1.00:00:00`; `-1` means no limit. */
  timeSpan(path: string, fallback: string): number | undefined {
    if (Number(this.at(path)) === -1) return undefined;
    const ms = milliseconds(this.text(path, fallback));
    if (ms !== undefined) return ms;
    throw new SettingsError(`${this.file}: ${path} must be a time span such as "00:10:00", or "-1" for no limit.`);
  }

  /** Milliseconds of a time span that must be between `min` and `max`, both included. */
  timeSpanWithin(path: string, fallback: string, min: string, max: string): number {
    const ms = milliseconds(this.text(path, fallback));
    if (ms !== undefined && ms >= (milliseconds(min) ?? 0) && ms <= (milliseconds(max) ?? 0)) return ms;
    throw new SettingsError(`${this.file}: ${path} must be a time span between "${min}" and "${max}".`);
  }

  count(path: string, fallback: number): number {
    const found = this.at(path);
    if (found === undefined) return fallback;
    const value = typeof found === 'string' && /^\d+$/.test(found) ? Number(found) : found;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
      throw new SettingsError(`${this.file}: ${path} must be a whole number above 0.`);
    }
    return value;
  }

  /** Paths of all values that were not read, except those below `known`. */
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

  /** The app setting `AzureFunctionsJobHost__a__b` wins over `a.b` in the file, as in Azure. */
  private at(path: string): unknown {
    this.read.add(path);
    const override = this.env[`AzureFunctionsJobHost__${path.replaceAll('.', '__')}`];
    if (override !== undefined) return override;
    let value: unknown = this.root;
    for (const key of path.split('.')) {
      if (typeof value !== 'object' || value === null) return undefined;
      value = (value as Json)[key];
    }
    return value ?? undefined;
  }
}

/** Milliseconds of a .NET TimeSpan; undefined when the text is none. */
function milliseconds(text: string): number | undefined {
  const found = /^(?:(\d+)\.)?(\d+):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/.exec(text);
  if (found === null) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1, 5).map((part) => Number(part ?? 0));
  const fraction = Number(`0.${found[5] ?? 0}`);
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds + fraction) * 1000;
}
