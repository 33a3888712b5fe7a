/**
 * What a pipeline starts when blobs arrive: a line of its definition, which a setting of the environment may replace.
 * `compile` calls it for the definition, `src/environment` for the setting, `src/arrival` to know what holds. It must
 * never start anything.
 */

import { z } from 'zod';
import { didYouMean } from '../nearest.ts';
import { refuse, show } from './refuse.ts';

/**
 * `blob`: each data blob. `marker`: a blob of this name says that its folder is complete. `quiet`: so many seconds
 * without an arrival end a burst, which becomes one run; a burst that does not end is cut after `waitSecondsMax`.
 */
export const arrivalModeSchema = z.discriminatedUnion('on', [
  z.strictObject({
    /**
     * What starts a run: here each data blob.
     * @example
     * pipeline({ ...rest, arrival: { on: 'blob' } });
     */
    on: z.literal('blob'),
  }),
  z.strictObject({
    /**
     * What starts a run: here a marker, which says that its folder is complete.
     * @example
     * pipeline({ ...rest, arrival: { on: 'marker' } });
     */
    on: z.literal('marker'),
    /**
     * Name of the marker, within its folder.
     * @default '_SUCCESS'
     * @example
     * pipeline({ ...rest, arrival: { on: 'marker', name: '_DONE' } });
     */
    name: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^/]+$/, "is not a name within a folder: it has a '/'")
      .default('_SUCCESS'),
  }),
  z.strictObject({
    /**
     * What starts a run: here the end of a burst.
     * @example
     * pipeline({ ...rest, arrival: { on: 'quiet' } });
     */
    on: z.literal('quiet'),
    /**
     * Seconds without an arrival that end a burst, 1 to 3600.
     * @default 60
     * @example
     * pipeline({ ...rest, arrival: { on: 'quiet', seconds: 30 } });
     */
    seconds: z.int().min(1).max(3600).default(60),
    /**
     * Seconds after which a burst that does not end is cut, 1 to 86400.
     * @default 3600
     * @example
     * pipeline({ ...rest, arrival: { on: 'quiet', seconds: 30, waitSecondsMax: 900 } });
     */
    waitSecondsMax: z.int().min(1).max(86_400).default(3600),
  }),
]);
/** What arriving blobs start, with all defaults. */
export type ArrivalMode = z.infer<typeof arrivalModeSchema>;
/** The same, as it is written: what has a default may be left out. */
export type ArrivalSettings = z.input<typeof arrivalModeSchema>;

/** In the setting, an environment may also switch a pipeline's arrivals off. */
export type ArrivalOverride = ArrivalMode | { on: 'never' };

const modes = ['blob', 'marker', 'quiet'];

/** What is wrong with a mode, by its path; undefined when nothing is. */
function faultOf(
  given: unknown,
  allowed: readonly string[],
): { field: string; message: string; remedy: string } | undefined {
  const parsed = arrivalModeSchema.safeParse(given);
  if (parsed.success) return undefined;
  const [issue] = parsed.error.issues;
  const on = (given as { on?: unknown } | null | undefined)?.on;
  if (typeof given !== 'object' || given === null || !modes.includes(String(on))) {
    const field = typeof given === 'object' && given !== null ? 'on' : '';
    const remedy = typeof on === 'string' ? didYouMean(on, allowed) : "Write { on: 'blob' }, 'marker' or 'quiet'.";
    return { field, message: `${show(field === 'on' ? on : given)} is no mode of arrival`, remedy };
  }
  if (issue?.code === 'unrecognized_keys') {
    const [field = ''] = issue.keys;
    const known =
      { blob: ['on'], marker: ['on', 'name'], quiet: ['on', 'seconds', 'waitSecondsMax'] }[String(on)] ?? [];
    return { field, message: `'${on}' has no such option`, remedy: didYouMean(field, known) };
  }
  return {
    field: issue?.path.join('.') ?? '',
    message: issue?.message ?? 'is wrong',
    remedy: 'See "Runs that blobs start" in docs/http.md.',
  };
}

/**
 * Checks what a definition says of arrivals.
 * @param given the definition's `arrival`
 * @returns the mode with its defaults; undefined when nothing was said
 * @throws `InvalidPipeline` at the field that is wrong
 */
export function compileArrival(given: unknown): ArrivalMode | undefined {
  if (given === undefined) return undefined;
  const fault = faultOf(given, modes);
  if (fault) refuse(fault.field === '' ? 'arrival' : `arrival.${fault.field}`, fault.message, fault.remedy);
  return arrivalModeSchema.parse(given);
}

/**
 * The setting that replaces `arrival` in one environment: `flights=quiet:60,sales=marker:_SUCCESS,returns=never`, with
 * `blob`, `marker[:NAME]`, `quiet[:SECONDS[:WAIT_SECONDS_MAX]]` and `never` as modes. No JSON: azd substitutes settings
 * into a JSON text as they are, and shells eat its quotes.
 * @param text the setting `ORDINAL_ARRIVAL`
 * @returns what stands for each pipeline, or what is wrong with the text
 */
export function parseArrivalSetting(text: string): { arrivals: Record<string, ArrivalOverride> } | { fault: string } {
  const arrivals = new Map<string, ArrivalOverride>();
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const found = /^([a-z][\w-]*)\s*=\s*([^:]*)(?::(.*))?$/.exec(part);
    if (!found) return { fault: `${show(part)} is not PIPELINE=MODE, as in flights=quiet:60` };
    const [, pipeline = '', on = '', options] = found;
    if (arrivals.has(pipeline)) return { fault: `${pipeline} is there twice` };
    if (on === 'never' && options === undefined) {
      arrivals.set(pipeline, { on });
      continue;
    }
    const given = { on, ...settingOptions(on, options) };
    const fault = faultOf(given, [...modes, 'never']);
    if (fault) return { fault: `${pipeline}: ${fault.field}: ${fault.message}. ${fault.remedy}` };
    arrivals.set(pipeline, arrivalModeSchema.parse(given));
  }
  return { arrivals: Object.fromEntries(arrivals) };
}

function settingOptions(on: string, text: string | undefined): object {
  if (text === undefined) return {};
  if (on === 'marker') return { name: text };
  if (on !== 'quiet') return { [text]: true };
  const [seconds, waitSecondsMax, ...more] = text.split(':');
  return {
    ...(seconds && { seconds: Number(seconds) }),
    ...(waitSecondsMax !== undefined && { waitSecondsMax: Number(waitSecondsMax) }),
    ...(more.length > 0 && { [more.join(':')]: true }),
  };
}

/**
 * What arrivals start here: as the environment's setting says, else as the definition says. Undefined: nothing.
 * @param pipeline name of the pipeline, and what its definition says
 * @param overrides what the setting says, by pipeline
 * @returns the mode; undefined when arrivals start nothing
 */
export function arrivalOf(
  { name, arrival }: { name: string; arrival?: ArrivalMode },
  overrides: Readonly<Record<string, ArrivalOverride>>,
): ArrivalMode | undefined {
  const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
  if (override?.on === 'never') return undefined;
  return override ?? arrival;
}
