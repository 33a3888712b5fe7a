/**
 * Makes the view of a run that users see: the durable status, the progress, and at the end the manifest's figures. HTTP
 * handlers and callbacks call it. Progress is counted from the blobs that exist, so a view adds nothing to the run's
 * history. It must never show a callback address.
 */
export type { RunView } from './run-view-schema.ts';

import { lifeInputSchema, planSchema, previewDocumentSchema } from '../documents/documents.ts';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import { loadFiles } from '../documents/source-files.ts';
import { type RunStatus, runStatusSchema } from '../documents/status.ts';
import { tasksEnded } from '../documents/timeline.ts';
import { endedError, hasEnded, type Instance } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { type ErrorValue, errorLine } from '../errors.ts';
import { limits } from '../limits.ts';
import { readJson } from '../storage/json.ts';
import { type Life, output, work } from '../storage/names.ts';
import { phasesOf, timesOf } from './run-times.ts';
import type { RunSummary, RunView } from './run-view-schema.ts';

/** What the instance alone says of its run. Undefined when its input is not a run's. */
export function summarizeRun(instance: Instance): RunSummary | undefined {
  const input = lifeInputSchema.safeParse(instance.input);
  if (!input.success) return undefined;
  const said = statusSaid(instance);
  const status = statusOf(instance);
  return {
    runId: input.data.runId,
    life: input.data.life,
    pipeline: input.data.pipeline,
    status,
    phase: said?.phase ?? 'plan',
    ...(said?.way && { way: said.way }),
    ...failedPhaseOf(status, said),
    ...timesOf(instance, input.data, said),
    ...(input.data.startedBy && { startedBy: input.data.startedBy }),
    ...(said?.rows !== undefined && { rowsTotal: said.rows }),
    ...(said?.ids !== undefined && { idsGiven: said.ids }),
    ...(said?.waiting !== undefined && !hasEnded(instance) && { waiting: said.waiting }),
    ...(input.data.dryRun && { dryRun: true }),
    ...((status === 'Failed' || status === 'Terminated') && { error: errorOf(instance, said) }),
  };
}

export async function viewRun(environment: Environment, instance: Instance): Promise<RunView> {
  const input = lifeInputSchema.parse(instance.input);
  const said = statusSaid(instance);
  const total = { batches: said?.batches ?? 0, rows: said?.rows ?? 0 };
  const view: RunView = {
    ...summarizeRun(instance)!,
    batches: { done: total.batches, total: total.batches },
    rows: { done: total.rows, total: total.rows },
    ...(said?.phases && { phases: phasesOf(said) }),
    ...(said?.leftOut && { leftOut: said.leftOut }),
  };
  if (view.status === 'Failed' || view.status === 'Terminated' || input.dryRun) {
    view.batches.done = 0;
    view.rows.done = 0;
  } else if (!hasEnded(instance)) Object.assign(view, await doneSoFar(environment, input, said));
  if (view.status !== 'Completed') return view;
  return input.dryRun
    ? { ...view, ...(await previewed(environment, input)) }
    : // Phases and times are those of this life; the manifest may be an earlier one's.
      { ...(await publishedView(environment, input.pipeline, view.runId)), ...view };
}

function statusSaid(instance: Instance): RunStatus | undefined {
  const parsed = runStatusSchema.safeParse(instance.customStatus);
  return parsed.success ? parsed.data : undefined;
}

/** Of a run that did not succeed. One that was ended from outside stands in the phase that it was in. */
function failedPhaseOf(status: RunSummary['status'], said: RunStatus | undefined): Pick<RunSummary, 'failedPhase'> {
  if (status === 'Failed' && said?.failedPhase) return { failedPhase: said.failedPhase };
  return status === 'Terminated' ? { failedPhase: said?.failedPhase ?? said?.phase ?? 'plan' } : {};
}

function statusOf(instance: Instance): RunSummary['status'] {
  switch (instance.status) {
    case 'Pending':
    case 'Completed':
    case 'Failed':
    case 'Terminated':
      return instance.status;
    case 'Canceled':
      return 'Terminated';
    default:
      return 'Running';
  }
}

/** Refused rows, with the first of the columns that they do not have. */
function rejectedView({ leftOut, ...rejected }: NonNullable<Manifest['rejected']>): RunView['rejected'] {
  return { ...rejected, ...(leftOut && { leftOut: leftOut.slice(0, limits.viewFilesMax) }) };
}

/** How far a run is that goes on. A task has ended when its record is there, or when a short run has noted it. */
async function doneSoFar(
  environment: Environment,
  of: Life,
  said: RunStatus | undefined,
): Promise<Pick<RunView, 'tasks'> & Partial<Pick<RunView, 'batches' | 'rows'>>> {
  const { phase = 'plan', batches = 0, rows = 0, way } = said ?? {};
  const total = said?.tasks ?? (phase === 'split' ? batches : undefined);
  const isSplit = phase !== 'plan' && phase !== 'split';
  const none = isSplit ? {} : { batches: { done: 0, total: batches }, rows: { done: 0, total: rows } };
  if (total === undefined || phase === 'wait' || phase === 'reserve' || phase === 'done' || phase === 'failed') {
    return none;
  }
  const ended = await tasksEnded(environment, of, phase, way === 'short');
  const tasks = { done: Math.min(ended.tasks, total), total };
  if (phase !== 'split') return { ...none, tasks };
  return { tasks, batches: { done: tasks.done, total: batches }, rows: { done: ended.rows, total: rows } };
}

/** From the manifest: rows, ranges and paths, under the size that callers take. */
export async function publishedView(environment: Environment, name: string, runId: string): Promise<Partial<RunView>> {
  const pipeline = environment.pipelines.get(name);
  if (!pipeline) return {};
  const manifest = output.manifest(pipeline, runId);
  const document = await readJson(environment.store, pipeline.output.container, manifest, manifestSchema);
  if (document?.withdrawn) {
    const retired = Object.entries(document.sequences)
      .filter(([, { count }]) => count > 0)
      .map(([sequence, { count, ranges }]) => ({ sequence, count, ranges: ranges.slice(0, limits.viewFilesMax) }));
    return { manifest, outputContainer: document.output.container, withdrawn: document.withdrawn, retired };
  }
  if (document?.outcome !== 'published') return {};
  return {
    manifest,
    outputContainer: document.output.container,
    phases: document.phases,
    source: {
      container: document.source.container,
      prefix: document.source.prefix,
      files: document.inputs.length,
      blobs: document.inputs.slice(0, limits.viewFilesMax).map(({ blob, size, rows }) => ({ blob, size, rows })),
      ...(document.source.skipped && { skipped: document.source.skipped }),
    },
    ...(document.rejected && { rejected: rejectedView(document.rejected) }),
    ...(document.setAside && {
      setAside: { count: document.setAside.length, files: document.setAside.slice(0, limits.viewFilesMax) },
    }),
    ...(document.routing && { routing: document.routing }),
    entities: document.entities.map(({ entity, rows, bytes, firstId, lastId, files, ids, keys, ...more }) => ({
      entity,
      rows,
      bytes,
      firstId,
      lastId,
      sequence: ids.sequence,
      ranges: ids.ranges,
      container: document.output.container,
      folder: output.folder(pipeline, entity),
      wildcard: output.wildcard(document),
      files: files.slice(0, limits.viewFilesMax),
      fileCount: files.length,
      ...(more.known && { known: furtherView(more.known) }),
      ...(more.changes && { changes: furtherView(more.changes), ...undescribedView(keys) }),
      ...(more.unknown && { unknown: furtherView(more.unknown) }),
    })),
  };
}

function undescribedView(keys: Manifest['entities'][number]['keys']): { undescribed?: number } {
  const counts = keys?.partitions.flatMap(({ undescribed }) => undescribed ?? []) ?? [];
  return counts.length > 0 ? { undescribed: counts.reduce((a, b) => a + b) } : {};
}

function furtherView({ rows, bytes, files }: NonNullable<Manifest['entities'][number]['known']>) {
  return { rows, bytes, files: files.slice(0, limits.viewFilesMax), fileCount: files.length };
}

/** What a dry run found. */
async function previewed(environment: Environment, of: Life): Promise<Partial<RunView>> {
  const { store, config } = environment;
  const plan = await readJson(store, config.workContainer, work.plan(of), planSchema);
  const preview = (await readJson(store, config.workContainer, work.preview(of), previewDocumentSchema))?.preview;
  const files = plan ? await loadFiles(environment, of, plan.files, 0, limits.viewFilesMax) : [];
  return {
    ...(plan && {
      plan: {
        files: files.map(({ blob, size, rows }) => ({ blob, size, rows })),
        fileCount: plan.files.count,
        batches: plan.batches.length,
        ...(plan.way && { way: plan.way }),
        outputs: plan.outputs,
        outputFiles: plan.parts.length,
      },
    }),
    ...(preview && { preview }),
  };
}

/** The run's own error; or, when it was ended from outside, the text that was given then. */
function errorOf(instance: Instance, said: RunStatus | undefined): ErrorValue & { line: string } {
  const error = said?.error ?? outsideError(instance);
  return { ...error, line: errorLine(error) };
}

function outsideError({ status, output }: Instance): ErrorValue {
  const text = typeof output === 'string' ? output : JSON.stringify(output ?? '');
  if (status !== 'Failed') return endedError(text === '""' ? '' : text);
  return { code: 'Internal', message: text || 'the run failed without a message', retryable: false };
}
