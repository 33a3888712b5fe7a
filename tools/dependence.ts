/**
 * The rule of dependence: which folder may import which, and who may import the Functions SDKs. Prints each breach
 * as `file:line: why` and exits with 1.
 *
 *   node tools/dependence.ts
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Folders whose modules must not import, however indirectly named, modules of these other folders. */
const forbidden: Record<string, string[]> = {
  'src/parquet': ['src/pipeline', 'src/split', 'src/keys', 'src/sequence', 'src/run', 'src/storage'],
  'src/pipeline': ['src/split', 'src/keys', 'src/sequence', 'src/run', 'src/storage'],
  'src/split': ['src/sequence', 'src/run'],
  'src/storage': ['src/parquet', 'src/pipeline', 'src/split', 'src/keys', 'src/sequence', 'src/run'],
  'src/sequence': ['src/parquet', 'src/pipeline', 'src/split', 'src/keys', 'src/run', 'src/storage'],
  'src/keys': ['src/parquet', 'src/split', 'src/sequence', 'src/run'],
  src: ['functions', 'local', 'demo', 'bench', 'test', 'tools', 'pipelines'],
  functions: ['local', 'demo', 'bench', 'test', 'tools'],
  pipelines: ['src/parquet', 'src/split', 'src/keys', 'src/sequence', 'src/run', 'src/storage', 'functions', 'local'],
  local: ['src', 'functions', 'pipelines', 'demo', 'bench', 'test', 'tools'],
};

/** Type vocabularies that any folder may name. */
const shared = [
  'src/errors.ts',
  'src/limits.ts',
  'src/parquet/types.ts',
  'src/pipeline/compiled.ts',
  'src/storage/store.ts',
];

/** Modules that a folder may import although their folder is forbidden to it: keys know tables, and no pages. */
const allowed: Record<string, string[]> = {
  'src/keys': ['src/parquet/table.ts', 'src/parquet/type-text.ts', 'src/parquet/logical.ts'],
};

/** Packages that only registrations and adapters import. Types may be imported anywhere. */
const sdks = ['@azure/functions', 'durable-functions'];
const sdkUsers = [/^functions\//, /^src\/.*adapter[^/]*\.ts$/];

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

/** What is wrong with one import of `file` (a path from the root, with slashes), or undefined. */
export function breach(file: string, { specifier, typeOnly }: Import): string | undefined {
  if (!specifier.startsWith('.')) {
    const sdk = sdks.some((name) => specifier === name || specifier.startsWith(`${name}/`));
    const ours = file.startsWith('src/') || file.startsWith('pipelines/');
    if (!sdk || typeOnly || !ours || sdkUsers.some((user) => user.test(file))) return undefined;
    return `only functions/ and adapters import ${specifier}`;
  }
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  for (const [folder, others] of Object.entries(forbidden)) {
    if (!file.startsWith(`${folder}/`)) continue;
    const other = others.find((name) => target.startsWith(`${name}/`));
    if (other === undefined) continue;
    if (shared.includes(target) && folder !== 'local') continue;
    if (allowed[folder]?.includes(target)) continue;
    return `${folder}/ must not import ${other}/ (${target})`;
  }
  return undefined;
}

/** All breaches under a root folder, as `file:line: why`. */
export async function breaches(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const top of ['src', 'functions', 'pipelines', 'local']) {
    for (const entry of await readdir(path.join(root, top), { recursive: true }).catch(() => [])) {
      if (!/\.(ts|js|mjs|cjs)$/.test(entry)) continue;
      const file = path.posix.join(top, entry.split(path.sep).join('/'));
      for (const one of importsOf(await readFile(path.join(root, file), 'utf8'))) {
        const why = breach(file, one);
        if (why !== undefined) found.push(`${file}:${one.line}: ${why}`);
      }
    }
  }
  return found.sort();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = await breaches(fileURLToPath(new URL('..', import.meta.url)));
  for (const one of found) console.error(one);
  if (found.length > 0) process.exitCode = 1;
  else console.log('dependence rule: kept');
}
