/**
 * Removes what large packages bring and nothing here reads: the C++ headers of the package `node` (67 MB), for nothing is
 * compiled against them, and all data sets of `vega-datasets` but the flights (29 MB). npm runs it after each install, maybe
 * with Node 20. It must end well where they are not there, and touch nothing else.
 */
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));

/** Names in a folder; none where another way of installing puts it elsewhere. */
function namesIn(folder) {
  try {
    return readdirSync(`${modules}${folder}`);
  } catch {
    return [];
  }
}

const nodes = 'node/node_modules/';
const data = 'vega-datasets/data/';
const unread = [
  ...namesIn(nodes).map((name) => `${nodes}${name}/include`),
  ...namesIn(data)
    .filter((name) => name !== 'flights-3m.parquet')
    .map((name) => `${data}${name}`),
];
for (const each of unread) rmSync(`${modules}${each}`, { recursive: true, force: true });
