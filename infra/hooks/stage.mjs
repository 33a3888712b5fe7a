/**
 * Lays out what is deployed: the built app, host.json, and a package.json with the runtime dependencies alone, at the
 * exact versions of the lock file, with the part of the lock file that they need: versions and checksums of what they
 * depend on, too. The service installs them, for its own platform.
 *
 * What the lock file takes from an archive of this machine goes along.
 *
 *   node infra/hooks/stage.mjs FOLDER
 *
 * With ORDINAL_DURABLE_BACKEND=scheduler in the environment, host.json has the storage provider of host.scheduler.json. It
 * is the file that says so, not an app setting: what scales the app out reads the file.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = path.resolve(process.argv[2] ?? '');
if (process.argv[2] === undefined || root.startsWith(folder)) {
  console.error('usage: node infra/hooks/stage.mjs FOLDER (not the project itself)');
  process.exit(2);
}

if (!existsSync(path.join(root, 'dist'))) {
  console.error('there is no dist/: run npm run build first');
  process.exit(2);
}

const json = async (name) => JSON.parse(await readFile(path.join(root, name), 'utf8'));
const { name, version, type, main, engines, dependencies } = await json('package.json');
const { lockfileVersion, requires, packages } = await json('package-lock.json');
const exact = Object.fromEntries(
  Object.keys(dependencies).map((each) => [each, packages[`node_modules/${each}`].version]),
);

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
for (const each of Object.keys(dependencies)) need('', each);

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const dist = path.join(root, 'dist');
const left = new Set([path.join(dist, '.tsbuildinfo'), path.join(dist, 'test')]);
await cp(dist, path.join(folder, 'dist'), { recursive: true, filter: (source) => !left.has(source) });
for (const place of needed) {
  const { resolved } = packages[place];
  if (!resolved?.startsWith('file:')) continue;
  const archive = `archives/${path.basename(resolved)}`;
  await cp(path.join(root, resolved.slice('file:'.length)), path.join(folder, archive));
  packages[place] = { ...packages[place], resolved: `file:${archive}` };
  const direct = place.slice('node_modules/'.length);
  if (direct in exact) exact[direct] = `file:${archive}`;
}
const manifest = { name, version, private: true, type, main, engines, dependencies: exact };
const lock = {
  ...{ name, version, lockfileVersion, requires },
  packages: {
    '': { name, version, engines, dependencies: exact },
    ...Object.fromEntries(Object.entries(packages).filter(([at]) => needed.has(at))),
  },
};
const host = await json('host.json');
const backend = process.env.ORDINAL_DURABLE_BACKEND || 'storage';
if (backend === 'scheduler') {
  const { extensions } = await json('infra/host.scheduler.json');
  Object.assign(host.extensions.durableTask, extensions.durableTask);
} else if (backend !== 'storage') {
  console.error(`ORDINAL_DURABLE_BACKEND is "${backend}"; it can be storage or scheduler`);
  process.exit(2);
}
const write = (file, value) => writeFile(path.join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
await write('host.json', host);
await write('package.json', manifest);
await write('package-lock.json', lock);
console.log(`staged in ${path.relative(root, folder) || folder}`);
