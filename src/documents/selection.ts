/**
 * Which blobs of its pipeline's source a run reads: all blobs under a prefix, a list of names, those that match a glob,
 * those that arrived in an interval, or those of a range of names. The HTTP handlers check requests here; the plan uses the same matcher to list
 * blobs. A run must never read a blob outside its pipeline's source.
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
    /** ETag of the only version that the run may read; another one is refused. */
    etag: z.string().exactOptional(),
  }),
  /** A longer list, stored as a document in the work container. */
  z.object({ by: z.literal('list'), document: z.string(), count: z.int().positive(), sha256: z.string() }),
  z.object({ by: z.literal('glob'), glob: z.string() }),
  z.object({ by: z.literal('arrivals'), ...arrivalIntervalSchema.shape }),
  /** Blobs whose names are in [first, last] in the order of their bytes, as a backfill cuts a source. */
  z.object({ by: z.literal('range'), first: z.string(), last: z.string(), glob: z.string().exactOptional() }),
]);
export type Selection = z.infer<typeof selectionSchema>;

export const selectionListSchema = z.object({
  version: z.literal(1),
  blobs: z.array(z.string()).min(1).max(limits.sourceBlobsMax),
});

type Source = CompiledPipeline['source'];

/**
 * Refuses a blob outside the pipeline's source. `field` names the request's field in the error. @throws OrdinalError
 * `InvalidRequest`
 */
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

/** Refuses a glob whose fixed beginning is outside the source, or whose braces are no pairs. @throws OrdinalError `InvalidRequest` */
export function checkGlobInSource(source: Source, glob: string, field: string): void {
  const fixed = globPrefix(glob);
  const outside = outsideSource(source, fixed) ?? (hasDots(glob) ? 'has a "." or ".." folder' : undefined);
  if (outside !== undefined) throw refused(`glob "${shown(glob)}" ${outside}`, field, source);
  if (/[{}]/.test(glob.replace(/\{[^{}]*\}/g, ''))) {
    throw new OrdinalError('InvalidRequest', `glob "${shown(glob)}" has a brace without its partner`, {
      where: { field },
      remedy: 'Write one of several texts as {a,b}, not one within another; use ? for a brace that is part of a name.',
    });
  }
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

/** Clients resolve `.` and `..` in URLs, so such a name would mean another blob. */
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

/** The text before the first wildcard, with which every match begins. */
export function globPrefix(glob: string): string {
  const at = glob.search(/[*?{]/);
  return at < 0 ? glob : glob.slice(0, at);
}

/** Moves every position of a name that is reached on by one part of a glob; `next` is all zeros. */
type Part = (name: string, reached: Uint8Array, next: Uint8Array) => void;

/**
 * Makes a test of blob names. `?` is one character and `*` any number of them, neither with `/`; `**` is anything, and
 * `**` between two slashes also nothing; `{a,b}` is one of the texts. All else stands for itself, brackets, `!` and
 * leading dots too. Part by part, all positions that can be reached are kept: time is linear in the name's length by
 * the number of parts, whatever the glob.
 */
export function globMatcher(glob: string): (name: string) => boolean {
  const parts: Part[] = [];
  const tokens = /\*\*\/|\*\*|\*|\?|\{[^{}]*\}|[^*?{]+|\{/g;
  for (const [token] of glob.matchAll(tokens)) {
    if (token === '**/') parts.push(folders);
    else if (token === '**') parts.push((name, reached, next) => anyNumber(name, reached, next, false));
    else if (token === '*') parts.push((name, reached, next) => anyNumber(name, reached, next, true));
    else if (token === '?') parts.push(oneCharacter);
    else parts.push(oneOf(token.length > 1 && token.startsWith('{') ? token.slice(1, -1).split(',') : [token]));
  }
  return (name) => {
    let reached = new Uint8Array(name.length + 1);
    reached[0] = 1;
    for (const part of parts) {
      const next = new Uint8Array(name.length + 1);
      part(name, reached, next);
      reached = next;
    }
    return reached[name.length] === 1;
  };
}

function oneOf(texts: readonly string[]): Part {
  return (name, reached, next) => {
    for (let at = 0; at <= name.length; at++) {
      if (reached[at] === 0) continue;
      for (const text of texts) if (name.startsWith(text, at)) next[at + text.length] = 1;
    }
  };
}

function oneCharacter(name: string, reached: Uint8Array, next: Uint8Array): void {
  for (let at = 0; at < name.length; at++) if (reached[at] === 1 && name[at] !== '/') next[at + 1] = 1;
}

function anyNumber(name: string, reached: Uint8Array, next: Uint8Array, withinFolder: boolean): void {
  let open = 0;
  for (let at = 0; at <= name.length; at++) {
    open |= reached[at]!;
    next[at] = open;
    if (withinFolder && name[at] === '/') open = 0;
  }
}

/** Nothing, or anything that ends with a slash. */
function folders(name: string, reached: Uint8Array, next: Uint8Array): void {
  let open = 0;
  for (let at = 0; at <= name.length; at++) {
    next[at] = reached[at]! | (name[at - 1] === '/' ? open : 0);
    open |= reached[at]!;
  }
}
