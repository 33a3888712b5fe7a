/** Orchestrations and entities. */

import * as df from 'durable-functions';
import { TELL_ORCHESTRATION, tellOrchestrator } from '../src/callback/notify-caller.ts';
import { SHARD_ORCHESTRATION } from '../src/durable/fan-out.ts';
import { RUN_ORCHESTRATION, TIDY_ORCHESTRATION } from '../src/lives/names.ts';
import { runOrchestrator, shardOrchestrator } from '../src/run/orchestrator.ts';
import { tidyOrchestrator } from '../src/run/settle-terminated.ts';
import { leaseEntity, leaseEntityName, sequenceEntity, sequenceEntityName } from '../src/sequence/adapter.ts';
import {
  REBUILD_ORCHESTRATION,
  rebuildOrchestrator,
  SEQUENCE_ORCHESTRATION,
  sequenceOrchestrator,
} from '../src/upkeep/orchestrations.ts';

df.app.orchestration(RUN_ORCHESTRATION, function* (context) {
  return yield* runOrchestrator(context);
});

df.app.orchestration(SHARD_ORCHESTRATION, function* (context) {
  return yield* shardOrchestrator(context);
});

df.app.orchestration(TIDY_ORCHESTRATION, function* (context) {
  return yield* tidyOrchestrator(context);
});

df.app.orchestration(TELL_ORCHESTRATION, function* (context) {
  return yield* tellOrchestrator(context);
});

df.app.orchestration(SEQUENCE_ORCHESTRATION, function* (context) {
  return yield* sequenceOrchestrator(context);
});

df.app.orchestration(REBUILD_ORCHESTRATION, function* (context) {
  return yield* rebuildOrchestrator(context);
});

df.app.entity(sequenceEntityName, sequenceEntity);
df.app.entity(leaseEntityName, leaseEntity);
