/**
 * Which Node an app of Ordinal needs, for the command and for `npm create`. They may run on an older one, and say so. It must
 * import nothing that an older Node cannot load.
 */

/** From here on Node reads TypeScript as it is: an app's pipelines and its tests. The template's package.json says the same. */
export const appNodeLeast = '22.18.0';

/**
 * What is wrong with the Node that runs.
 * @param version its version
 * @returns what to say of it; undefined when it will do
 */
export function oldNode(version = process.versions.node): string | undefined {
  const [[major = 0, minor = 0] = [], [majorLeast = 0, minorLeast = 0] = []] = [version, appNodeLeast].map((each) =>
    each.split('.').map(Number),
  );
  if (major > majorLeast || (major === majorLeast && minor >= minorLeast)) return undefined;
  return `Node ${version} runs here, and an app of Ordinal needs ${appNodeLeast} or later. Install Node 24, or the newest 22.`;
}
