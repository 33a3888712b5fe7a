/**
 * Lays out what is deployed: the built app, host.json and package.json. The app is bundled with Ordinal and the packages that
 * Ordinal needs into a few files, which a process loads in half the time of a thousand. What is left to install (packages
 * that the Functions worker shares with the app, and the app's own others) is named in package.json at the exact versions
 * of the lock file, with the part of the lock file that it needs. The service installs it, for its own platform.
 *
 * What the lock file takes from an archive of this machine goes along, unless it is in the bundle.
 *
 *   node infra/hooks/stage.mjs FOLDER
 *   node infra/hooks/stage.mjs FOLDER --components   # only the lock file of all that runs, bundled or installed
 *
 * With ORDINAL_DURABLE_BACKEND=scheduler in the environment, host.json has the storage provider of host.scheduler.json. It
 * is the file that says so, not an app setting: what scales the app out reads the file.
 */
import { existsSync } from 'node:fs';
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.resolve(process.argv[2] ?? '');
if (process.argv[2] === undefined || root.startsWith(folder)) {
  console.error('usage: node infra/hooks/stage.mjs FOLDER [--components] (not the project itself)');
  process.exit(2);
}

if (!existsSync(path.join(root, 'dist'))) {
  console.error('there is no dist/: run npm run build first');
  process.exit(2);
}

const json = async (name) => JSON.parse(await readFile(path.join(root, name), 'utf8'));
const write = (file, value) => writeFile(path.join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
const { name, version, type, main, engines, dependencies } = await json('package.json');
const { lockfileVersion, requires, packages } = await json('package-lock.json');

/** Where Ordinal's built code is, in this repository or as a package, and its manifest. */
const ownCode = path.join(root, 'dist/src');
const isOwn = existsSync(path.join(ownCode, 'app.js'));
const code = isOwn ? ownCode : path.dirname(createRequire(path.join(root, 'x')).resolve('@ordinal-ids/ordinal'));
const ordinal = packages[isOwn ? '' : 'node_modules/@ordinal-ids/ordinal'];
/** The worker gives its own to the app, and looks up in the same instances what the app registers. */
const shared = ['@azure/functions', '@azure/functions-core', '@azure/functions-extensions-base'];
const bundled = [
  '@ordinal-ids/ordinal',
  ...Object.keys({ ...ordinal.dependencies, ...ordinal.peerDependencies }),
].filter((each) => !shared.includes(each));

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
if (process.argv[3] === '--components') {
  await writeManifest(Object.keys(dependencies));
} else {
  await writeManifest(Object.keys(dependencies).filter((each) => !bundled.includes(each)));
  await writeBundle();
  await writeHost();
  console.log(`staged in ${path.relative(root, folder) || folder}`);
}

/** Writes package.json with these direct dependencies, and the part of the lock file that they need. */
async function writeManifest(direct) {
  /** Places in the lock file of what a package needs, itself included: a dependency is looked for from the innermost folder. */
  const needed = new Set();
  const need = (from, name) => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
      const found = packages[place];
      if (found !== undefined && !needed.has(place)) {
        needed.add(place);
        for (const each of Object.keys({ ...found.dependencies, ...found.optionalDependencies })) need(place, each);
      }
      if (found !== undefined || at === '') return;
    }
  };
  for (const each of direct) need('', each);
  const exact = Object.fromEntries(direct.map((each) => [each, packages[`node_modules/${each}`].version]));
  for (const place of needed) {
    const { resolved } = packages[place];
    if (!resolved?.startsWith('file:')) continue;
    const archive = `archives/${path.basename(resolved)}`;
    await cp(path.join(root, resolved.slice('file:'.length)), path.join(folder, archive));
    packages[place] = { ...packages[place], resolved: `file:${archive}` };
    const name = place.slice('node_modules/'.length);
    if (name in exact) exact[name] = `file:${archive}`;
  }
  await write('package.json', { name, version, private: true, type, main, engines, dependencies: exact });
  await write('package-lock.json', {
    ...{ name, version, lockfileVersion, requires },
    packages: {
      '': { name, version, engines, dependencies: exact },
      ...Object.fromEntries(Object.entries(packages).filter(([at]) => needed.has(at))),
    },
  });
}

/**
 * Bundles the functions, the pipelines (which worker threads load) and Ordinal's worker thread. What looks for a file beside
 * it finds it: all is in one folder, and the monitor page's files go along.
 */
async function writeBundle() {
  const { rolldown } = await import('rolldown');
  const input = { 'functions/activity-thread': path.join(code, 'run/activity-thread.js') };
  for await (const file of glob([main, 'dist/pipelines/index.js'], { cwd: root }))
    input[path.relative('dist', file).replace(/\.js$/, '')] = path.join(root, file);
  const versions = Object.fromEntries(bundled.map((each) => [each, packages[`node_modules/${each}`]?.version]));
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: staysPackage,
    transform: { define: { ORDINAL_BUNDLED: JSON.stringify({ ...versions, ordinal: ordinal.version }) } },
  });
  const dist = path.join(folder, 'dist');
  await bundle.write({ dir: dist, format: 'esm', sourcemap: true, chunkFileNames: 'functions/[name]-[hash].js' });
  await bundle.close();
  await cp(path.join(code, 'monitor/static'), path.join(dist, 'functions/static'), { recursive: true });
}

/** Whether an import stays one of an installed package: of those that are shared, and of the app's others. */
function staysPackage(id, importer) {
  const name = /^(?:@[^/]+\/)?[^./@:][^/:]*(?=\/|$)/.exec(id)?.[0];
  if (name === undefined || path.isAbsolute(id)) return id.startsWith('node:');
  if (shared.includes(name)) return true;
  const ofApp = importer !== undefined && !/[\\/]node_modules[\\/]/.test(importer) && !importer.startsWith(code);
  return ofApp && !bundled.includes(name);
}

async function writeHost() {
  const host = await json('host.json');
  const backend = process.env.ORDINAL_DURABLE_BACKEND || 'storage';
  if (backend === 'scheduler') {
    const { extensions } = await json('infra/host.scheduler.json');
    Object.assign(host.extensions.durableTask, extensions.durableTask);
  } else if (backend !== 'storage') {
    console.error(`ORDINAL_DURABLE_BACKEND is "${backend}"; it can be storage or scheduler`);
    process.exit(2);
  }
  await write('host.json', host);
}
