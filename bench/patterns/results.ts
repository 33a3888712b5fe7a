/**
 * What the pattern bench has measured, as one JSON file that grows: a part that is measured again replaces what was there
 * of it. Written after each step, so that nothing is lost when the bench is stopped; the report is made of it alone.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Death } from './deaths.ts';
import type { Measured } from './measure.ts';

export interface Results {
  node: string;
  cores: number;
  measured: Measured[];
  deaths: Death[];
}

/** What a file holds; nothing where there is none. It is the bench's own, so its shape is not looked at again. */
export function readResults(file: string): Results {
  if (!existsSync(file))
    return { node: process.versions.node, cores: availableParallelism(), measured: [], deaths: [] };
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}

/** Puts measurements in place of those of the same pattern, size and width, and deaths in place of the pattern's. */
export function merged(results: Results, measured: readonly Measured[], deaths: readonly Death[]): Results {
  const sameRun = (a: Measured) => (b: Measured) =>
    a.pattern === b.pattern && a.files === b.files && a.in_flight === b.in_flight;
  return {
    node: process.versions.node,
    cores: availableParallelism(),
    measured: [...results.measured.filter((old) => !measured.some(sameRun(old))), ...measured],
    deaths: [...results.deaths.filter((old) => !deaths.some(({ pattern }) => pattern === old.pattern)), ...deaths],
  };
}

export function writeResults(file: string, results: Results): void {
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
}
