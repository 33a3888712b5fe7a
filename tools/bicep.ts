/**
 * Compiles the Bicep in `infra/`, works out what each set of options in `infra/options/` would make, and records both in
 * `infra/compiled.json`. Run by whoever changes the templates; the tests use its parts. It must never need a compiler to
 * tell whether the record is stale, nor ask Azure for anything.
 *
 *   BICEP=/path/to/bicep node tools/bicep.ts
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

/** A resource that a deployment would make. What is known only in Azure is an expression in brackets. */
export interface Predicted {
  type: string;
  name: string;
  properties?: Record<string, unknown>;
}

export interface Compilation {
  /** Each compiled template as text, by the name of its source. */
  templates: Record<string, string>;
  /** What each set of options makes, by the name of its file without the ending. */
  options: Record<string, Predicted[]>;
}

/** What `infra/compiled.json` holds. All hashes are SHA-256, in hexadecimal. */
export interface Compiled {
  /** Version of the compiler. Another version may write another template for the same sources. */
  compiler: string;
  /** Hash of all sources: `.bicep` and `.bicepparam` files, and the files that one of them loads. */
  sources: string;
  /** Hash of each compiled template, by the name of its source. */
  templates: Record<string, string>;
  /** By set of options: how many resources of each type it makes. */
  options: Record<string, Record<string, number>>;
}

export const recordFile = path.join(root, 'infra/compiled.json');

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** The compiler, where there is one: `BICEP` names it, or it is on the path. */
export function findCompiler(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(path.delimiter).map((each) => path.join(each, 'bicep'));
  return [process.env.BICEP ?? '', ...onPath].find((each) => each !== '' && existsSync(each));
}

/** The hash of all sources, by name, with line ends as in the repository. */
export async function hashSources(): Promise<string> {
  const listed = async (folder: string) =>
    (await readdir(path.join(root, folder), { recursive: true })).map((name) =>
      path.posix.join(folder, name.split(path.sep).join('/')),
    );
  const sources = [...(await listed('infra')), ...(await listed('queries'))]
    .filter((name) => /\.bicep(param)?$|\/abbreviations\.json$|\/alert-[\w-]+\.kql$/.test(name))
    .sort();
  const texts = await Promise.all(sources.map((name) => readFile(path.join(root, name), 'utf8')));
  return hashOf(sources.map((name, at) => `${name}\n${texts[at]!.replaceAll('\r\n', '\n')}`).join('\0'));
}

/**
 * Compiles each template that is deployed by itself, and predicts each set of options. It works in a copy, since the
 * compiler writes its predictions beside their sources.
 * @throws Error when the compiler refuses or warns
 */
export async function compile(compiler: string): Promise<Compilation> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-bicep-'));
  const clean = async (name: string, parameters: string[]) => {
    const env = { ...process.env, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1' };
    const { stdout, stderr } = await run(compiler, parameters, { env });
    if (/Warning|Error/.test(stdout + stderr)) throw new Error(`${name} does not compile cleanly:\n${stdout}${stderr}`);
  };
  try {
    for (const part of ['infra', 'queries']) {
      await cp(path.join(root, part), path.join(folder, part), { recursive: true });
    }
    const templates: Record<string, string> = {};
    for (const name of ['main.bicep', 'subscription.bicep']) {
      const out = path.join(folder, `${name}.json`);
      await clean(name, ['build', path.join(folder, 'infra', name), '--outfile', out]);
      templates[name] = await readFile(out, 'utf8');
    }
    const options: Record<string, Predicted[]> = {};
    const place = path.join(folder, 'infra/options');
    const files = (await readdir(place)).sort();
    // Most of it is the compiler's start.
    await Promise.all(files.map((file) => clean(file, ['snapshot', path.join(place, file), '--mode', 'overwrite'])));
    for (const { name } of files.map((file) => path.parse(file))) {
      const snapshot = JSON.parse(await readFile(path.join(place, `${name}.snapshot.json`), 'utf8')) as {
        predictedResources: Predicted[];
      };
      options[name] = snapshot.predictedResources;
    }
    return { templates, options };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the record says of this compilation and the sources as they are now. */
export async function describeCompiled({ templates, options }: Compilation): Promise<Compiled> {
  const { metadata } = JSON.parse(templates['main.bicep']!) as { metadata: { _generator: { version: string } } };
  return {
    compiler: metadata._generator.version,
    sources: await hashSources(),
    templates: Object.fromEntries(Object.entries(templates).map(([name, text]) => [name, hashOf(text)])),
    options: Object.fromEntries(Object.entries(options).map(([name, made]) => [name, countTypes(made)])),
  };
}

function countTypes(made: readonly Predicted[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of made.map((each) => each.type).sort()) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const compiler = findCompiler();
  if (compiler === undefined) {
    console.error('no Bicep compiler: set BICEP to its path, or put it on the path');
    process.exit(2);
  }
  await writeFile(recordFile, `${JSON.stringify(await describeCompiled(await compile(compiler)), null, 2)}\n`);
  console.log('infra/compiled.json: written');
}
