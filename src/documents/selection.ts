/**
 * Which blobs of its pipeline's source a run reads: all under a prefix, named ones, those that a glob takes, or those
 * that arrived in an interval. Requests are checked here against the source; the list is made in the plan activity.
 */
import { z } from 'zod';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';

/** An interval of the storage's clock, in milliseconds of the epoch: (after, to]. */
export const arrivalIntervalSchema = z.object({ after: z.int().nonnegative(), to: z.int().nonnegative() });

/** Part of a run's input: small, whatever the number of blobs. Without it a run reads all blobs under its prefix. */
export const selectionSchema = z.discriminatedUnion('by', [
  z.object({
    by: z.literal('blobs'),
    blobs: z.array(z.string()).min(1),
    /** The one version that the run is for; another one is refused. */
    etag: z.string().exactOptional(),
  }),
  /** A longer list, kept as a document in the work container. */
  z.object({ by: z.literal('list'), document: z.string(), count: z.int().positive(), sha256: z.string() }),
  z.object({ by: z.literal('glob'), glob: z.string() }),
  z.object({ by: z.literal('arrivals'), ...arrivalIntervalSchema.shape }),
]);
export type Selection = z.infer<typeof selectionSchema>;

export const selectionListSchema = z.array(z.string()).min(1).max(limits.sourceBlobsMax);

type Source = CompiledPipeline['source'];

/** Refuses a blob that is not the pipeline's to read. `field` names the request's field in the error. */
export function checkBlobInSource(source: Source, blob: string, field: string): void {
  const outside = outsideSource(source, blob);
  if (outside === undefined && !blob.endsWith(source.suffix)) {
    throw refused(`blob "${shown(blob)}" does not end with the source's suffix "${source.suffix}"`, field, source);
  }
  if (outside !== undefined) throw refused(`blob "${shown(blob)}" ${outside}`, field, source);
}

export function checkPrefixInSource(source: Source, prefix: string, field: string): void {
  const outside = outsideSource(source, prefix);
  if (outside !== undefined) throw refused(`prefix "${shown(prefix)}" ${outside}`, field, source);
}

/** Refuses a glob whose fixed beginning lies outside the source. */
export function checkGlobInSource(source: Source, glob: string, field: string): void {
  const fixed = globPrefix(glob);
  const outside = outsideSource(source, fixed) ?? (hasDots(glob) ? 'has a "." or ".." folder' : undefined);
  if (outside !== undefined) throw refused(`glob "${shown(glob)}" ${outside}`, field, source);
  if ((glob.match(/[*?{]/g)?.length ?? 0) > limits.globWildcardsMax) {
    throw refused(`glob "${shown(glob)}" has more than ${limits.globWildcardsMax} wildcards`, field, source);
  }
}

function outsideSource(source: Source, name: string): string | undefined {
  if (hasDots(name)) return 'has a "." or ".." folder';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here.
  if (/[\\\u0000-\u001f\u007f]/.test(name)) return 'has a backslash or a control character';
  return name.startsWith(source.prefix) ? undefined : `is outside the pipeline's source "${source.prefix}"`;
}

/** Clients resolve such folders in URLs: the name would mean another blob than it says. */
function hasDots(name: string): boolean {
  return /(^|[/{,])\.{1,2}([/},]|$)/.test(name);
}

function refused(message: string, field: string, source: Source): OrdinalError {
  return new OrdinalError('InvalidRequest', message, {
    where: { field },
    remedy: `Name blobs of container "${source.container}" as "${source.prefix}...${source.suffix}".`,
  });
}

function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

/** What every match begins with: the text before the first wildcard. */
export function globPrefix(glob: string): string {
  const at = glob.search(/[*?{]/);
  return at < 0 ? glob : glob.slice(0, at);
}

/**
 * A test of blob names. `?` is one character and `*` any number of them, neither with `/`; `**` is anything, and
 * `**` between two slashes also nothing; `{a,b}` is one of the texts. All else stands for itself.
 */
export function globMatcher(glob: string): (name: string) => boolean {
  let pattern = '';
  for (let at = 0; at < glob.length; ) {
    const rest = glob.slice(at);
    const braces = /^\{([^{}]*)\}/.exec(rest);
    const [text, regex] = rest.startsWith('**/')
      ? ['**/', '(?:.*/)?']
      : rest.startsWith('**')
        ? ['**', '.*']
        : rest.startsWith('*')
          ? ['*', '[^/]*']
          : rest.startsWith('?')
            ? ['?', '[^/]']
            : braces
              ? [braces[0], `(?:${braces[1]!.split(',').map(literal).join('|')})`]
              : [rest[0]!, literal(rest[0]!)];
    pattern += regex;
    at += text.length;
  }
  const compiled = new RegExp(`^${pattern}$`, 's');
  return (name) => compiled.test(name);
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
