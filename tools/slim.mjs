/**
 * Removes the C++ headers that the package `node` brings, 67 MB, for nothing here is compiled against them. npm runs it after
 * each install, maybe with Node 20. It must end well where they are not there.
 */
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../node_modules/node/node_modules/', import.meta.url));
let names = [];
try {
  names = readdirSync(folder);
} catch {
  // Another way of installing puts them elsewhere.
}
for (const name of names) rmSync(`${folder}${name}/include`, { recursive: true, force: true });
