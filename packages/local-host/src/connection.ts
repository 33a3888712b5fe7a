/**
 * Finds the connection string that a binding names among the app settings. Functions and blob bindings call it. It
 * reads settings only and opens no connection.
 */

/** Thrown when an app setting that a function needs is missing. */
export class MissingSetting extends Error {}

/**
 * The connection string of a binding: the app setting of that name, with or without its prefix. @throws MissingSetting
 */
export function connectionOf(env: Record<string, string | undefined>, name: string): string {
  const setting = name === '' ? 'AzureWebJobsStorage' : name;
  const value = env[setting] ?? env[`AzureWebJobs${setting}`];
  if (!value) throw new MissingSetting(`the app setting '${setting}' (a storage connection string) is not set.`);
  return value;
}
