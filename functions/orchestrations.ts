/**
 * Registers the orchestrations and entities of runs. The host loads this file; nothing imports it. The orchestration
 * that gathers arriving blobs is registered in `arrival.ts`. The names must not change while runs are under way: a
 * running instance is found by its name.
 */

import * as df from 'durable-functions';
import { BACKFILL_ORCHESTRATION } from '../src/backfill/backfill-documents.ts';
import { backfillOrchestrator } from '../src/backfill/orchestrator.ts';
import { TELL_ORCHESTRATION, tellOrchestrator } from '../src/callback/notify-caller.ts';
import { SHARD_ORCHESTRATION } from '../src/durable/fan-out.ts';
import { RUN_ORCHESTRATION, TIDY_ORCHESTRATION } from '../src/lives/names.ts';
import { WITHDRAW_ORCHESTRATION } from '../src/lives/withdraw-names.ts';
import { runOrchestrator, shardOrchestrator } from '../src/run/orchestrator.ts';
import { tidyOrchestrator } from '../src/run/settle-terminated.ts';
import { leaseEntity, leaseEntityName, sequenceEntity, sequenceEntityName } from '../src/sequence/adapter.ts';
import {
  REBUILD_ORCHESTRATION,
  rebuildOrchestrator,
  SEQUENCE_ORCHESTRATION,
  sequenceOrchestrator,
} from '../src/upkeep/orchestrations.ts';
import { withdrawOrchestrator } from '../src/upkeep/withdraw.ts';

/** Each orchestrator, under the name by which it is registered and started. */
const orchestrators = {
  [RUN_ORCHESTRATION]: runOrchestrator,
  [SHARD_ORCHESTRATION]: shardOrchestrator,
  [TIDY_ORCHESTRATION]: tidyOrchestrator,
  [TELL_ORCHESTRATION]: tellOrchestrator,
  [BACKFILL_ORCHESTRATION]: backfillOrchestrator,
  [SEQUENCE_ORCHESTRATION]: sequenceOrchestrator,
  [REBUILD_ORCHESTRATION]: rebuildOrchestrator,
  [WITHDRAW_ORCHESTRATION]: withdrawOrchestrator,
};
for (const [name, orchestrator] of Object.entries(orchestrators)) {
  // The SDK needs a generator function that takes its own context.
  df.app.orchestration(name, function* (context) {
    return yield* orchestrator(context);
  });
}

df.app.entity(sequenceEntityName, sequenceEntity);
df.app.entity(leaseEntityName, leaseEntity);
