/**
 * Decides whether this host may run an instance, by the versions of both. The episode and the settings use it. It
 * compares versions as the durable task extension does.
 */

/** How an instance's version must relate to the host's own (`defaultVersion`) for the host to run it. */
export type VersionMatch = 'None' | 'Strict' | 'CurrentOrOlder';

/** What happens to an instance whose version does not fit: it waits for another host, or fails. */
export type VersionFailure = 'Reject' | 'Fail';

export interface VersionSettings {
  /** The version of new instances that are given none, and of this host. Empty: unversioned. */
  defaultVersion: string;
  versionMatch: VersionMatch;
  versionFailure: VersionFailure;
}

/** Whether this host may run an instance of `version` (`DT/TaskOrchestrationDispatcher.cs`). */
export function mayRun(settings: VersionSettings, version: string): boolean {
  switch (settings.versionMatch) {
    case 'None':
      return true;
    case 'Strict':
      return version === settings.defaultVersion;
    case 'CurrentOrOlder':
      return compareVersions(version, settings.defaultVersion) <= 0;
  }
}

/**
 * Orders versions as the extension does (`DT/Settings/VersioningSettings.cs`): no version comes before any; two to four
 * numbers with dots compare number by number, a missing one before 0; everything else as text, without case.
 */
export function compareVersions(a: string, b: string): number {
  const [isEmptyA, isEmptyB] = [a.trim() === '', b.trim() === ''];
  if (isEmptyA || isEmptyB) return Number(isEmptyB) - Number(isEmptyA);
  const [numbersA, numbersB] = [numbersOf(a), numbersOf(b)];
  if (numbersA === undefined || numbersB === undefined) return order(a.toUpperCase(), b.toUpperCase());
  for (let index = 0; index < 4; index++) {
    const difference = order(numbersA[index] ?? -1, numbersB[index] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The parts of a .NET `System.Version`; undefined for a text that is none. */
function numbersOf(version: string): number[] | undefined {
  const parts = version.trim().split('.');
  const isVersion = parts.length >= 2 && parts.length <= 4 && parts.every((part) => /^\s*\d{1,10}\s*$/.test(part));
  const numbers = parts.map(Number);
  return isVersion && numbers.every((number) => number < 2 ** 31) ? numbers : undefined;
}

function order<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
