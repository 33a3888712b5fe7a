/**
 * Registers the orchestrations and entities of runs. `registerOrdinal` calls it. The orchestration that gathers arriving
 * blobs is registered in `arrival.ts`. The names must not change while runs are under way: a running instance is found by
 * its name.
 */
import * as df from 'durable-functions';
import { BACKFILL_ORCHESTRATION } from '../backfill/backfill-documents.ts';
import { backfillOrchestrator } from '../backfill/orchestrator.ts';
import { TELL_ORCHESTRATION, tellOrchestrator } from '../callback/notify-caller.ts';
import { SHARD_ORCHESTRATION } from '../durable/fan-out.ts';
import { RUN_ORCHESTRATION, TIDY_ORCHESTRATION } from '../lives/names.ts';
import { WITHDRAW_ORCHESTRATION } from '../lives/withdraw-names.ts';
import { runOrchestrator, shardOrchestrator } from '../run/orchestrator.ts';
import { tidyOrchestrator } from '../run/settle-terminated.ts';
import { leaseEntity, leaseEntityName, sequenceEntity, sequenceEntityName } from '../sequence/adapter.ts';
import {
  REBUILD_ORCHESTRATION,
  rebuildOrchestrator,
  SEQUENCE_ORCHESTRATION,
  sequenceOrchestrator,
} from '../upkeep/orchestrations.ts';
import { withdrawOrchestrator } from '../upkeep/withdraw.ts';

/** Each orchestrator, under the name by which it is registered and started. */
const orchestrators = {
  [RUN_ORCHESTRATION]: runOrchestrator,
  [SHARD_ORCHESTRATION]: shardOrchestrator,
  [TIDY_ORCHESTRATION]: tidyOrchestrator,
  [TELL_ORCHESTRATION]: tellOrchestrator,
  [SEQUENCE_ORCHESTRATION]: sequenceOrchestrator,
  [REBUILD_ORCHESTRATION]: rebuildOrchestrator,
  [BACKFILL_ORCHESTRATION]: backfillOrchestrator,
  [WITHDRAW_ORCHESTRATION]: withdrawOrchestrator,
};

/** Registers all orchestrations and entities of runs. */
export function registerOrchestrations(): void {
  for (const [name, orchestrator] of Object.entries(orchestrators)) {
    // The SDK needs a generator function that takes its own context.
    df.app.orchestration(name, function* (context) {
      return yield* orchestrator(context);
    });
  }

  df.app.entity(sequenceEntityName, sequenceEntity);
  df.app.entity(leaseEntityName, leaseEntity);
}
