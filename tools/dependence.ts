/**
 * The rule of dependence: the floors of the house, and who may import the Functions SDKs. `npm run check` runs it.
 * A folder imports only folders on lower floors, type imports included, and no files import each other in a circle.
 * Prints each breach as `file:line: why` and exits with 1.
 *
 *   node tools/dependence.ts
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The floors, from the top. A file belongs to the longest name that its path begins with, and may import files of its own
 * folder and of any folder on a floor below. docs/design.md shows the same table.
 */
export const floors: readonly (readonly string[])[] = [
  ['demo'],
  ['functions', 'cli'],
  ['src/index.ts', 'src/testing'],
  ['src/app.ts'],
  ['src/registration', 'src/monitor/page'],
  ['src/http', 'src/arrival', 'src/upkeep', 'src/monitor'],
  ['src/run', 'src/backfill'],
  ['src/seal', 'src/publish'],
  ['src/resolve', 'src/callback', 'src/tables'],
  ['src/plan', 'src/split', 'src/verify', 'src/view', 'src/lives', 'src/doctor'],
  ['src/documents', 'src/ledger'],
  ['src/source', 'src/keys', 'src/environment', 'src/table-format'],
  ['src/storage'],
  ['src/pipeline'],
  ['src/parquet', 'src/sequence', 'src/durable', 'src/peers.ts'],
  ['src/bytes', 'src/errors.ts', 'src/limits.ts', 'src/nearest.ts'],
];

/** Folders outside the house, and what they may import of it besides their own files. */
const outside: Record<string, readonly string[]> = {
  pipelines: ['src/pipeline'],
  'packages/local-host': [],
};

/** What stands beside the house: no file of the floors imports it. Only the app's entry names the pipelines. */
const beside = ['packages', 'bench', 'test', 'tools', 'pipelines'];
const besideAllowed = [/^functions\/ordinal\.ts$/, /^demo\//];

/** Packages that only registrations and adapters import. Types may be imported anywhere. */
const sdks = ['@azure/functions', 'durable-functions'];
const sdkUsers = [/^src\/registration\//, /^packages\/local-host\//, /^src\/.*adapter[^/]*\.ts$/];

export interface Import {
  specifier: string;
  typeOnly: boolean;
  /** 1-based. */
  line: number;
}

/** The static and dynamic imports and re-exports of a module's text. */
export function importsOf(text: string): Import[] {
  const pattern =
    /\b(?:(import|export)\s+(type\s+)?(?:[\w*{][^'";]*?\sfrom\s*)?|import\s*\(\s*|require\s*\(\s*)(['"])([^'"\n]+)\3/g;
  return [...text.matchAll(pattern)].map((match) => ({
    specifier: match[4]!,
    typeOnly: match[2] !== undefined,
    line: text.slice(0, match.index).split('\n').length,
  }));
}

/** The folder of the house that a file lies in, and its floor: 0 is the top. */
function roomOf(file: string): { room: string; floor: number } | undefined {
  const inside = (room: string) => file === room || file.startsWith(`${room}/`);
  for (const [floor, rooms] of floors.entries()) {
    const room = rooms.find(inside);
    if (room !== undefined) return { room, floor };
  }
  return undefined;
}

const targetOf = (file: string, specifier: string) =>
  path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));

function breachOfPackage(file: string, { specifier, typeOnly }: Import): string | undefined {
  const sdk = sdks.some((name) => specifier === name || specifier.startsWith(`${name}/`));
  if (!sdk || typeOnly || sdkUsers.some((user) => user.test(file))) return undefined;
  return `only src/registration/ and adapters import ${specifier}`;
}

/** What is wrong with one import of `file` (a path from the root, with slashes), or undefined. */
export function breach(file: string, one: Import): string | undefined {
  if (!one.specifier.startsWith('.')) return breachOfPackage(file, one);
  const target = targetOf(file, one.specifier);
  const to = roomOf(target);
  const top = Object.keys(outside).find((folder) => file.startsWith(`${folder}/`));
  const allowed = outside[top ?? ''];
  if (allowed !== undefined) {
    if (target.startsWith(`${top}/`) || (to !== undefined && allowed.includes(to.room))) return undefined;
    return `${top}/ must not import ${target}`;
  }
  const from = roomOf(file);
  if (from === undefined)
    return file.startsWith('src/') ? 'no floor has this file: see tools/dependence.ts' : undefined;
  if (to === undefined) {
    if (!beside.includes(target.split('/')[0]!) || besideAllowed.some((user) => user.test(file))) return undefined;
    return `${from.room}/ must not import ${target}`;
  }
  if (to.room === from.room || to.floor > from.floor) return undefined;
  return `${from.room}/ must not import ${to.room}/ (${target}): it is not on a lower floor`;
}

/** Circles among files, each once, as the files that it goes through. `graph` has each file's targets. */
export function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const visit = (file: string): void => {
    state.set(file, 'open');
    trail.push(file);
    for (const target of graph.get(file) ?? []) {
      if (state.get(target) === 'open') found.push([...trail.slice(trail.indexOf(target)), target]);
      else if (!state.has(target)) visit(target);
    }
    trail.pop();
    state.set(file, 'done');
  };
  for (const file of [...graph.keys()].sort()) if (!state.has(file)) visit(file);
  return found;
}

/** All breaches under a root folder, as `file:line: why`. */
export async function breaches(root: string): Promise<string[]> {
  const found: string[] = [];
  const graph = new Map<string, string[]>();
  for (const top of ['src', 'functions', 'cli', 'demo', 'pipelines', 'packages/local-host/src']) {
    for (const entry of await readdir(path.join(root, top), { recursive: true }).catch(() => [])) {
      if (!/\.(tsx?|js|mjs|cjs)$/.test(entry)) continue;
      const file = path.posix.join(top, entry.split(path.sep).join('/'));
      const imports = importsOf(await readFile(path.join(root, file), 'utf8'));
      graph.set(file, []);
      for (const one of imports) {
        if (one.specifier.startsWith('.')) graph.get(file)!.push(targetOf(file, one.specifier));
        const why = breach(file, one);
        if (why !== undefined) found.push(`${file}:${one.line}: ${why}`);
      }
    }
  }
  for (const circle of circles(graph)) found.push(`${circle[0]}:1: imports itself in a circle: ${circle.join(' → ')}`);
  return found.sort();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = await breaches(fileURLToPath(new URL('..', import.meta.url)));
  for (const one of found) console.error(one);
  if (found.length > 0) process.exitCode = 1;
  else console.log('dependence rule: kept');
}
