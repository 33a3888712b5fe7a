/**
 * Writes a thin app into a folder: what `template/` holds, and the deployment of this repository. `ordinal init` and
 * `npm create` call it. It needs Node alone, and never writes over a file.
 */
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ownVersion } from '../../src/environment/version.ts';
import { oldNode } from './old-node.ts';

/** Beside `cli/` in the repository; in a package, beside what is built of it. */
const root = fileURLToPath(new URL('../../', import.meta.url));

/** What an app has as this repository has it. Packages carry these, at the same places. */
export const shared = ['infra', 'adf', 'queries', 'host.json', 'local.settings.sample.json', 'azure.yaml'] as const;

/** What a user runs next, line by line. `refusal` is of the Node that runs. */
export const nextSteps = (folder: string, refusal = oldNode()): string[] => [
  `An app of Ordinal is in ${folder}. Next:`,
  '',
  ...(refusal === undefined ? [] : [`  ${refusal}`]),
  `  cd ${folder}`,
  '  npm install',
  '  npm test     # the example pipeline, in memory',
  '  npm start    # Azurite and a local Functions host',
  '',
  'Its README.md says more.',
];

/** A folder that an app cannot be written into. */
export class InitError extends Error {}

/** A name that npm and azd take, made of the folder's. */
export function appName(folder: string): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  // azd takes no name of one letter.
  return name === '' ? 'ordinal-app' : name.length === 1 ? `${name}-app` : name;
}

/** Files and folders that may be there already: an empty repository has some. */
const harmless = new Set(['.git', '.gitignore', '.DS_Store', 'LICENSE', '.idea', '.vscode']);

async function refuseFullFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isDirectory()) throw new InitError(`"${folder}" is a file. Give the name of a new folder.`);
  const others = (await readdir(folder)).filter((name) => !harmless.has(name));
  if (others.length === 0) return;
  throw new InitError(`"${folder}" is not empty: it holds ${others.slice(0, 3).join(', ')}. Give a new folder.`);
}

/** The packages of Ordinal that an app has, and by which words the template asks for their versions. */
const ours = { ordinal: '@ordinal-ids/ordinal', localHost: '@ordinal-ids/local-host' } as const;

/** What the app's package.json says of our packages: a range of versions, or archives that `npm pack` made. */
async function versionsOf(folder: string, packages: string | undefined): Promise<Record<keyof typeof ours, string>> {
  const range = `^${ownVersion()}`;
  if (packages === undefined) return { ordinal: range, localHost: range };
  const archives = await readdir(packages).catch((): string[] => []);
  const archiveOf = (name: string): string => {
    const start = `${name.slice(1).replace('/', '-')}-`;
    const archive = archives.find((each) => each.startsWith(start) && each.endsWith('.tgz'));
    if (archive === undefined) throw new InitError(`"${packages}" holds no archive of ${name}. Run: npm run packages`);
    const at = path.relative(path.resolve(folder), path.resolve(packages, archive));
    return `file:${at.split(path.sep).join('/')}`;
  };
  return { ordinal: archiveOf(ours.ordinal), localHost: archiveOf(ours.localHost) };
}

/** How an app is made. */
export interface InitOptions {
  /** Folder of archives of our packages, as `npm run packages` makes them. @default those of the registry */
  packages?: string;
}

/**
 * Writes an app.
 * @param folder where; it is made, and must be empty if it is there
 * @returns the files and folders that were written, relative to it
 * @throws InitError when the folder is not empty, or an archive is missing
 */
export async function initApp(folder: string, { packages }: InitOptions = {}): Promise<string[]> {
  await refuseFullFolder(folder);
  const values: Record<string, string> = {
    name: appName(path.resolve(folder)),
    ...(await versionsOf(folder, packages)),
  };
  const written: string[] = [];
  const template = path.join(root, 'template');
  for (const entry of await readdir(template, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = path.join(entry.parentPath, entry.name);
    const to = targetOf(path.relative(template, from));
    const bytes = await readFile(from);
    const filled = entry.name.endsWith('.parquet') ? bytes : fill(bytes.toString(), values);
    if (await put(path.join(folder, to), filled)) written.push(to);
  }
  for (const name of shared) {
    if (name === 'azure.yaml') {
      const text = await readFile(path.join(root, name), 'utf8');
      await put(path.join(folder, name), text.replace(/^name: .*$/m, `name: ${values.name}`));
    } else await cp(path.join(root, name), path.join(folder, name), { recursive: true, force: false });
    written.push(name);
  }
  return written.sort();
}

/** npm leaves out or reads files of some names, so the template has them under others. */
function targetOf(name: string): string {
  return name.replace(/(^|[/\\])(gitignore|funcignore|npmrc)\.template$/, '$1.$2').replace(/\.template$/, '');
}

const fill = (text: string, values: Record<string, string>) =>
  text.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);

/** False when the file is there already. */
async function put(file: string, content: string | Uint8Array): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true });
  try {
    await writeFile(file, content, { flag: 'wx' });
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  }
}
