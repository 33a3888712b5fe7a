/**
 * The part of the sweep that looks after withdrawn runs: it starts a withdrawal again that stopped half-way, and removes
 * the files of a run whose time has come. `sweep.ts` calls it. It must remove only files that a withdrawn manifest names.
 */
import { manifestSchema } from '../documents/manifest.ts';
import { rowFilesOf } from '../documents/manifests.ts';
import {
  WITHDRAW_ORCHESTRATION,
  type Withdrawal,
  withdrawalSchema,
  withdrawInputSchema,
  withdrawInstanceId,
} from '../lives/withdraw-names.ts';
import { removeBlobs } from '../storage/in-flight.ts';
import { readJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';
import { madeUp, type Sweep, type Swept } from './sweep-context.ts';

/** Milliseconds in which a withdrawal is left to who asked for it. */
const GRACE_MS = 3_600_000;

export async function sweepWithdrawals(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { store, config } = context.environment;
  for await (const { name } of store.list(config.workContainer, work.withdrawalPrefix)) {
    if (timeIsUp()) return;
    const withdrawal = await readJson(store, config.workContainer, name, withdrawalSchema);
    if (withdrawal && !withdrawal.done) await goOn(context, withdrawal);
    else if (withdrawal && Date.parse(withdrawal.filesUntil) <= context.now().getTime()) {
      await removeFiles(context, swept, withdrawal);
    }
  }
}

/** Started while it is under way, it is the same withdrawal. */
async function goOn({ runs, now }: Sweep, withdrawal: Withdrawal): Promise<void> {
  if (now().getTime() - Date.parse(withdrawal.at) < GRACE_MS) return;
  const input = withdrawInputSchema.parse(withdrawal);
  await runs.start(WITHDRAW_ORCHESTRATION, withdrawInstanceId(input.runId), input);
}

/** Its files stay while a view or a table names them, for who opens that would fail. */
async function removeFiles(context: Sweep, swept: Swept, withdrawal: Withdrawal): Promise<void> {
  const { store, config, pipelines } = context.environment;
  const pipeline = pipelines.get(withdrawal.pipeline);
  if (!pipeline) return;
  if (!(await madeUp(context, pipeline, 'withdrawnFilesStay', { runId: withdrawal.runId }))) return;
  const { container } = pipeline.output;
  const name = output.manifest(pipeline, withdrawal.runId);
  const manifest = await readJson(store, container, name, manifestSchema);
  if (manifest?.outcome === 'withdrawn') {
    const files = manifest.entities.flatMap((one) =>
      [...rowFilesOf(one), ...(one.known?.files ?? []), ...(one.changes?.files ?? [])].map(({ blob }) => blob),
    );
    const { blob, sourceRows } = manifest.rejected ?? {};
    files.push(...[blob, sourceRows].filter((name) => name !== undefined));
    swept.removed += await removeBlobs(store, manifest.output.container, files, config.requestsInFlight);
  }
  await store.remove(config.workContainer, work.withdrawal(withdrawal.runId));
}
