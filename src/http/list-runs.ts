/**
 * `GET /api/runs`: runs by page, the newest first. `routes.ts` lists it. It reads the starts of lives
 * (`src/lives/starts.ts`), whose names are in that order; durable lists have no order. A run that has published is shown
 * from its start alone; for every other run its instance is asked. It changes nothing.
 */
import { z } from 'zod';
import { readClaim } from '../lives/claims.ts';
import { instanceOf } from '../lives/newest.ts';
import { readStart, type Start } from '../lives/starts.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { lifeId, work } from '../storage/names.ts';
import { summarizeRun } from '../view/run-view.ts';
import type { RunSummary } from '../view/run-view-schema.ts';
import { packContinuation, unpackContinuation } from './continuation.ts';
import { json, parseQuery, queryOf } from './problem.ts';
import { type Door, type Handler, rootOf } from './request-context.ts';
import { listQuerySchema } from './schemas.ts';
import { resourceUrl } from './urls.ts';

type Query = z.infer<typeof listQuerySchema>;

/** Starts that one request looks at, and runs whose instance it asks for: filters may leave few of many. */
const STARTS_MAX = 5_000;
const LOOKUPS_MAX = 300;

/** Starts of one page of the listing: what a filter leaves of them is not known before. */
const pageOf = ({ limit, text, pipeline, status }: Query) =>
  text === undefined && pipeline === undefined && status === undefined ? limit : 1_000;

/** Where a list goes on: the mark of a page of the listing, and the last name of it that was dealt with. */
const placeSchema = z.object({ from: z.string().exactOptional(), after: z.string() });
type Place = z.infer<typeof placeSchema>;

export const listRuns: Handler = async (door, request) => {
  const query = parseQuery(listQuerySchema, request);
  const { continuation: token } = query;
  const start = token === undefined ? undefined : placeSchema.parse(JSON.parse(unpackContinuation(token)));
  const { runs, place } = await pageOfRuns(door, query, start);
  if (!place) return json(200, { runs });
  const continuation = packContinuation(JSON.stringify(place));
  const next = resourceUrl(rootOf(door, request, 1), request, 'runs', { ...queryOf(request), continuation });
  return json(200, { runs, continuation, next });
};

async function pageOfRuns(
  door: Door,
  query: Query,
  start: Place | undefined,
): Promise<{ runs: RunSummary[]; place?: Place }> {
  const { store, config } = door.environment;
  const runs: RunSummary[] = [];
  const to = query.createdTo === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.createdTo);
  const since = query.createdFrom === undefined ? 0 : Date.parse(query.createdFrom);
  let from = start?.from;
  let after = start?.after ?? '';
  let lookups = 0;
  for (let seen = 0; ; ) {
    const size = pageOf(query);
    const page = await store.listPage(config.workContainer, work.startPrefix, { size, ...(from && { from }) });
    const starts = page.blobs.flatMap(({ name, metadata }) => {
      const one = name > after ? readStart({ name, metadata }) : undefined;
      return one ? [{ name, one }] : [];
    });
    // A handful at a time, so that a page that is full asks for few more than it shows.
    const width = config.requestsInFlight;
    for (let i = 0; i < starts.length; i += width) {
      const some = starts.slice(i, i + width).filter(({ one }) => one.at <= to && one.at >= since && takes(query, one));
      if (starts[i]!.one.at < since) return { runs };
      lookups += some.filter(({ one }) => !one.published).length;
      const found = await mapBounded(some, width, async ({ name, one }) => ({ name, run: await summaryOf(door, one) }));
      for (const { name, run } of found) {
        if (run && wanted(query, run)) runs.push(run);
        if (runs.length >= query.limit) return { runs, ...goesOn(page, starts, from, name) };
      }
      after = starts[Math.min(i + width, starts.length) - 1]!.name;
      if (lookups >= LOOKUPS_MAX) return { runs, ...goesOn(page, starts, from, after) };
    }
    if (page.next === undefined) return { runs };
    from = page.next;
    seen += page.blobs.length;
    if (seen >= STARTS_MAX) return { runs, place: { from, after } };
  }
}

/** Where a list goes on behind the start `after`: in the same page of the listing, in the next one, or nowhere. */
function goesOn(
  { next }: { next?: string },
  starts: readonly { name: string }[],
  from: string | undefined,
  after: string,
): { place?: Place } {
  if (after !== starts.at(-1)?.name) return { place: { ...(from !== undefined && { from }), after } };
  return next === undefined ? {} : { place: { from: next, after } };
}

/** What a start alone can decide. */
function takes({ pipeline, text, status }: Query, start: Start): boolean {
  if (pipeline !== undefined && start.pipeline !== pipeline) return false;
  if (text !== undefined && !start.runId.toLowerCase().includes(text.toLowerCase())) return false;
  return !start.published || status === undefined || status.includes(start.withdrawn ? 'Withdrawn' : 'Completed');
}

function wanted({ status }: Query, run: RunSummary): boolean {
  return status === undefined || status.includes(run.withdrawn ? 'Withdrawn' : run.status);
}

/** A run as its newest life is; undefined for an earlier life, and for a run that was removed. */
async function summaryOf(door: Door, start: Start): Promise<RunSummary | undefined> {
  const { environment, runs } = door;
  const { runId, life, pipeline, published } = start;
  if (published) {
    const { startedAt, finishedAt, rows, ids } = published;
    return {
      runId,
      life,
      pipeline,
      status: 'Completed',
      phase: 'done',
      startedAt,
      finishedAt,
      durationMs: Date.parse(finishedAt) - Date.parse(startedAt),
      updatedAt: finishedAt,
      ...(start.startedBy && { startedBy: start.startedBy }),
      rowsTotal: rows,
      idsGiven: ids,
      ...(start.withdrawn && { withdrawn: start.withdrawn }),
    };
  }
  // A life that has succeeded has no later one.
  const later = await readClaim(environment, { runId, life: life + 1 });
  if (later) return undefined;
  const claim = await readClaim(environment, { runId, life });
  const instance = claim ? await instanceOf(door, claim) : await runs.get(lifeId(start));
  return instance && summarizeRun(instance);
}
