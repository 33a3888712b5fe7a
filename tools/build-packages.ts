/**
 * Builds what is published of `packages/`: compiles each with declarations and source maps into its `dist/`, and copies
 * documents and what `ordinal init` writes beside it. `npm pack` calls it before it packs, and so do tests. It must leave nothing of an earlier
 * build there.
 *
 *   node tools/build-packages.ts [ordinal] [create] [local-host]
 *   node tools/build-packages.ts --pack DIR    builds all, and packs them into a folder
 */
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { shared } from '../cli/init/init.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The packages that are published, and whether each carries what `ordinal init` writes. */
const packages: Readonly<Record<string, { template: boolean }>> = {
  ordinal: { template: true },
  create: { template: true },
  'local-host': { template: false },
};

/**
 * Builds one package.
 * @param name of its folder in `packages/`
 * @throws Error when it does not compile
 */
export async function buildPackage(name: string): Promise<void> {
  const known = packages[name];
  if (known === undefined)
    throw new Error(`there is no package "${name}"; there are: ${Object.keys(packages).join(', ')}`);
  const folder = path.join(root, 'packages', name);
  const dist = path.join(folder, 'dist');
  await rm(dist, { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`packages/${name} does not compile`);
  if (known.template) {
    for (const part of ['template', ...shared])
      await cp(path.join(root, part), path.join(dist, part), { recursive: true });
  }
  if (name === 'ordinal') {
    await cp(path.join(root, 'src/parquet/README.md'), path.join(dist, 'src/parquet/README.md'));
    await copyDocuments(path.join(folder, 'docs'));
    buildPage(path.join(dist, 'src/monitor/static'));
  }
  // The compiler leaves the endings of sources in declarations.
  for (const file of await readdir(dist, { recursive: true })) {
    if (!file.endsWith('.d.ts')) continue;
    const text = await readFile(path.join(dist, file), 'utf8');
    await writeFile(
      path.join(dist, file),
      text.replace(/(from |import\(|import )(['"]\.[^'"\n]*)\.ts(['"])/g, '$1$2.js$3'),
    );
  }
  const { bin } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
  };
  for (const file of Object.values(bin)) await chmod(path.join(folder, file), 0o755);
}

/** Copies the documents, with their figures, to where users of the package find them. */
async function copyDocuments(into: string): Promise<void> {
  await rm(into, { recursive: true, force: true });
  const documents = (await readdir(path.join(root, 'docs'))).filter((name) => /\.(md|svg)$/.test(name));
  for (const name of documents) await cp(path.join(root, 'docs', name), path.join(into, name));
}

/** Bundles the monitor page into a folder, beside the code that serves it. */
function buildPage(into: string): void {
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  const parameters = ['build', '--config', path.join(root, 'vite.monitor.config.ts'), '--outDir', into];
  const { status } = spawnSync(process.execPath, [vite, ...parameters], { stdio: 'inherit', cwd: root });
  if (status !== 0) throw new Error('the monitor page is not built');
}

/**
 * Builds and packs all packages.
 * @param into folder of the archives; it is made
 */
export async function packAll(into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  const parameters = ['pack', '--workspaces', '--silent', '--pack-destination', path.resolve(into)];
  const { status } = spawnSync('npm', parameters, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('the packages were not packed');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , ...asked] = process.argv;
  if (asked[0] === '--pack') await packAll(asked[1] ?? '.ordinal/packages');
  else for (const name of asked.length > 0 ? asked : Object.keys(packages)) await buildPackage(name);
}
