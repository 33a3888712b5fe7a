/**
 * Parses the path of a blob trigger, such as `container/folder/{name}.csv`, and matches blob names. The blob trigger
 * calls it. It is pure.
 */

/** A blob trigger's path: `container/folder/{name}.csv`. */
export interface BlobPath {
  container: string;
  /** What every matching blob's name begins with. */
  prefix: string;
  /** The path's parameters, or undefined when the blob does not match. */
  match(blobName: string): Record<string, string> | undefined;
}

/** @throws when the path names no container, or a parameter twice. */
export function parseBlobPath(path: string): BlobPath {
  const slash = path.indexOf('/');
  const container = slash < 0 ? path : path.slice(0, slash);
  const pattern = slash < 0 ? '' : path.slice(slash + 1);
  if (container === '' || container.includes('{')) throw new Error(`Blob path '${path}' names no container.`);
  const names: string[] = [];
  const parts = pattern.split(/(\{[^{}]+\})/).map((part) => {
    const name = /^\{([^{}]+)\}$/.exec(part)?.[1];
    if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    if (names.includes(name)) throw new Error(`Blob path '${path}' has the parameter '${name}' twice.`);
    names.push(name);
    return '(.+?)';
  });
  const regex = new RegExp(`^${parts.join('')}$`, 's');
  const brace = pattern.indexOf('{');
  return {
    container,
    prefix: brace < 0 ? pattern : pattern.slice(0, brace),
    match(blobName) {
      if (pattern === '') return {};
      const found = regex.exec(blobName);
      if (found === null) return undefined;
      return Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']));
    },
  };
}
