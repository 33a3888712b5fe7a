/**
 * Compiles the Bicep in `infra/` and records what came out, in `infra/compiled.json`. Run by whoever changes the templates;
 * the tests use its parts. It must never need a compiler to tell whether the record is stale.
 *
 *   BICEP=/path/to/bicep node tools/bicep.ts
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const infra = fileURLToPath(new URL('../infra', import.meta.url));

/** What `infra/compiled.json` holds. All hashes are SHA-256, in hexadecimal. */
export interface Compiled {
  /** Version of the compiler. Another version may write another template for the same sources. */
  compiler: string;
  /** Hash of all sources: every `.bicep` file and the JSON that one of them loads. */
  sources: string;
  /** Hash of each compiled template, by the name of its source. */
  templates: Record<string, string>;
}

export const recordFile = path.join(infra, 'compiled.json');

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** The compiler, where there is one: `BICEP` names it, or it is on the path. */
export function findCompiler(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(path.delimiter).map((each) => path.join(each, 'bicep'));
  return [process.env.BICEP ?? '', ...onPath].find((each) => each !== '' && existsSync(each));
}

/** The hash of all sources, by name, with line ends as in the repository. */
export async function hashSources(): Promise<string> {
  const names = (await readdir(infra, { recursive: true })).map((name) => name.split(path.sep).join('/'));
  const sources = names.filter((name) => name.endsWith('.bicep') || name === 'abbreviations.json').sort();
  const texts = await Promise.all(sources.map((name) => readFile(path.join(infra, name), 'utf8')));
  return hashOf(sources.map((name, at) => `${name}\n${texts[at]!.replaceAll('\r\n', '\n')}`).join('\0'));
}

/**
 * Compiles each template that is deployed by itself.
 * @returns the compiled templates as text, by the name of their source
 * @throws Error when the compiler refuses a template or warns
 */
export async function compile(compiler: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-bicep-'));
  const env = { ...process.env, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: '1' };
  try {
    const compiled: Record<string, string> = {};
    for (const name of ['main.bicep', 'subscription.bicep']) {
      const out = path.join(folder, `${name}.json`);
      const { stderr } = await run(compiler, ['build', path.join(infra, name), '--outfile', out], { env });
      if (/Warning|Error/.test(stderr)) throw new Error(`${name} does not compile cleanly:\n${stderr}`);
      compiled[name] = await readFile(out, 'utf8');
    }
    return compiled;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the record says of these compiled templates and the sources as they are now. */
export async function describeCompiled(compiled: Record<string, string>): Promise<Compiled> {
  const { metadata } = JSON.parse(compiled['main.bicep']!) as { metadata: { _generator: { version: string } } };
  const templates = Object.fromEntries(Object.entries(compiled).map(([name, text]) => [name, hashOf(text)]));
  return { compiler: metadata._generator.version, sources: await hashSources(), templates };
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
