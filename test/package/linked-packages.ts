/**
 * Puts what an app depends on into its `node_modules` from this repository's, as links to the same files, and their versions
 * into its lock file, before npm installs it: npm then has our own packages left to install. It must give no package of ours.
 */
import { copyFile, link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

interface Locked {
  link?: boolean;
  dependencies?: object;
  optionalDependencies?: object;
  peerDependencies?: object;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/**
 * Links the packages.
 * @param root folder of this repository
 * @param app folder of the app
 * @param manifests of what is to be installed: the app, and the packages of ours that it depends on
 */
export async function linkPackages(root: string, app: string, manifests: readonly Locked[]): Promise<void> {
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const wanted = new Set<string>();
  const visit = (of: Locked, at: string): void => {
    const peers = Object.keys(of.peerDependencies ?? {}).filter((name) => !of.peerDependenciesMeta?.[name]?.optional);
    for (const name of [...Object.keys({ ...of.dependencies, ...of.optionalDependencies }), ...peers]) {
      // As Node looks for it: from inside outwards.
      for (let from = at; ; from = from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1))) {
        const place = path.posix.join(from, 'node_modules', name);
        const found = lock.packages[place];
        if (found && !found.link && !wanted.has(place)) {
          wanted.add(place);
          visit(found, place);
        }
        if (found || from === '') break;
      }
    }
  };
  for (const one of manifests) visit(one, '');
  const packages = Object.fromEntries([...wanted].sort().map((place) => [place, lock.packages[place]]));
  await writeFile(
    path.join(app, 'package-lock.json'),
    JSON.stringify({ lockfileVersion: 3, requires: true, packages }),
  );
  for (const place of wanted) await linkFolder(path.join(root, place), path.join(app, place));
}

/** Packages within a package are packages of their own. One that this platform has not is left out. */
async function linkFolder(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => []);
  if (entries.length === 0) return;
  await mkdir(to, { recursive: true });
  for (const entry of entries) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    // Another file system has no links to it.
    if (entry.isFile()) await link(source, target).catch(() => copyFile(source, target));
    else if (entry.isDirectory() && entry.name !== 'node_modules') await linkFolder(source, target);
  }
}
