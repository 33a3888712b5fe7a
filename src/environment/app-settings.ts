/**
 * Settings that an app gives in code, beside those of its environment. `registerOrdinal` and the command merge them here.
 * The environment wins, so that an operator can change what a developer wrote.
 */
import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { settingNames } from './config.ts';

/** App settings by their names, as docs/deploy.md lists them: `{ ORDINAL_BATCH_ROWS: 100_000 }`. */
export type OrdinalSettings = Readonly<Record<`ORDINAL_${string}`, string | number | boolean>>;

/** Read at registration, by the host's bindings, and not by activities. */
export const bindingNames: readonly string[] = ['ORDINAL_SWEEP_SCHEDULE', 'ORDINAL_ARRIVAL_SOURCE'];

/**
 * The settings of an app by name.
 * @param given in code
 * @param env of the process: what it has wins
 * @throws OrdinalError `InvalidSettings` for a name that is not known, or that code cannot give
 */
export function mergeSettings(
  given: OrdinalSettings,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const known = [...settingNames, ...bindingNames].filter((name) => name.startsWith('ORDINAL_'));
  const merged: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) refuse(name, 'is not a setting', didYouMean(name, known));
    // The host's own bindings resolve it, and they see app settings alone.
    if (name.startsWith('ORDINAL_STORAGE'))
      refuse(name, 'cannot be given in code', 'Give it as an app setting, or in local.settings.json.');
    merged[name] = String(value);
  }
  for (const [name, value] of Object.entries(env)) if (value !== undefined) merged[name] = value;
  return merged;
}

function refuse(name: string, what: string, remedy: string): never {
  throw new OrdinalError('InvalidSettings', `setting ${name} ${what}`, { where: { field: name }, remedy });
}
