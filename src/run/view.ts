/** A run as its users see it: durable status, progress counted from the blobs that exist, and the manifest at the end. */
import { z } from 'zod';
import type { ErrorValue } from '../errors.ts';
import { readJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';
import { hasEnded, type Instance } from './client.ts';
import { type Manifest, manifestSchema, runInputSchema } from './documents.ts';
import type { Environment } from './environment.ts';
import { type Phase, type RunStatus, runStatusSchema } from './status.ts';

export interface RunView {
  runId: string;
  pipeline: string;
  status: 'Pending' | 'Running' | 'Completed' | 'Failed' | 'Terminated';
  phase: Phase;
  startedAt: string;
  updatedAt: string;
  batches: { done: number; total: number };
  /** Source rows. */
  rows: { done: number; total: number };
  entities?: Manifest['entities'];
  /** The container of the entity files and of the manifest. */
  outputContainer?: string;
  manifest?: string;
  error?: ErrorValue;
}

export async function viewRun(environment: Environment, instance: Instance): Promise<RunView> {
  const input = runInputSchema.parse(instance.input);
  const parsed = runStatusSchema.safeParse(instance.customStatus);
  const said: RunStatus | undefined = parsed.success ? parsed.data : undefined;
  const total = { batches: said?.batches ?? 0, rows: said?.rows ?? 0 };
  const view: RunView = {
    runId: instance.instanceId,
    pipeline: input.pipeline,
    status: statusOf(instance),
    phase: said?.phase ?? 'plan',
    startedAt: said?.startedAt ?? instance.createdAt.toISOString(),
    updatedAt: instance.updatedAt.toISOString(),
    batches: { done: total.batches, total: total.batches },
    rows: { done: total.rows, total: total.rows },
  };
  if (said?.phase === 'plan' || said?.phase === 'split' || !said || view.status === 'Failed') {
    const done = hasEnded(instance) ? { batches: 0, rows: 0 } : await splitSoFar(environment, view.runId);
    view.batches.done = done.batches;
    view.rows.done = done.rows;
  }
  if (view.status === 'Completed') return { ...view, ...(await published(environment, input.pipeline, view.runId)) };
  if (view.status === 'Failed') return { ...view, error: errorOf(instance, said) };
  return view;
}

function statusOf(instance: Instance): RunView['status'] {
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

/** A batch is split when its record is there; the record's metadata says how many rows it had. */
async function splitSoFar(environment: Environment, runId: string): Promise<{ batches: number; rows: number }> {
  let batches = 0;
  let rows = 0;
  for await (const blob of environment.store.list(environment.config.workContainer, work.splitPrefix(runId))) {
    batches++;
    rows += z.coerce.number().int().catch(0).parse(blob.metadata.rows);
  }
  return { batches, rows };
}

async function published(environment: Environment, name: string, runId: string): Promise<Partial<RunView>> {
  const pipeline = environment.pipelines.get(name);
  if (!pipeline) return {};
  const manifest = output.manifest(pipeline, runId);
  const document = await readJson(environment.store, pipeline.output.container, manifest, manifestSchema);
  return document ? { manifest, outputContainer: document.output.container, entities: document.entities } : {};
}

/** The run's own error; or, when the host ended it, the host's text. */
function errorOf(instance: Instance, said: RunStatus | undefined): ErrorValue {
  if (said?.error) return said.error;
  const text = typeof instance.output === 'string' ? instance.output : JSON.stringify(instance.output);
  return { code: 'Internal', message: text || 'the run failed without a message', retryable: false };
}
