/**
 * The command `runs clean`: it removes the work in progress of a run that has ended, never what a manifest names. A run
 * that has not published is first settled by an orchestration: its reservations are given back, and nothing of it stays.
 */
import { listWork } from '../../src/documents/timeline.ts';
import { OrdinalError } from '../../src/errors.ts';
import { claimedLives } from '../../src/lives/claims.ts';
import { TIDY_ORCHESTRATION, tidyInstanceId } from '../../src/lives/names.ts';
import { removeBlobs } from '../../src/storage/in-flight.ts';
import { lifeId } from '../../src/storage/names.ts';
import { defineCommand } from '../command.ts';
import { count } from '../terminal/text.ts';

export const cleanCommand = defineCommand({
  name: 'runs clean',
  summary: 'Settle all lives of an ended run and remove its work in progress',
  needs: ['storage', 'durable'],
  details: 'What is published stays. The hourly sweep does the same after ORDINAL_KEEP_WORK_HOURS.',
  configure: (command) => command.argument('<run>', 'a run ID'),
  work: async (given, _, runId) => {
    const environment = await given.environment();
    const { store, config } = environment;
    const lives = (await claimedLives(environment, runId)).map((life) => ({ runId, life }));
    if (lives.length === 0) {
      throw new OrdinalError('UnknownRun', `there is no run "${runId}"`, {
        remedy: `See ${given.program} runs list for those that are known.`,
      });
    }
    const host = await given.durable();
    for (const of of lives) {
      const status = await host.status(lifeId(of));
      if (status && ['Running', 'Pending', 'Suspended', 'ContinuedAsNew'].includes(status.runtimeStatus)) {
        throw new OrdinalError('RunIdConflict', `run "${runId}" is ${status.runtimeStatus.toLowerCase()}`, {
          remedy: 'Wait for its end, or end it first.',
        });
      }
    }
    // Completes a dead life that published, and undoes one that did not.
    for (const of of lives) await host.run(TIDY_ORCHESTRATION, tidyInstanceId(of), { ...of, reason: 'cleaned' });
    let removed = 0;
    // Those of these lives alone: by now the run may have been started again.
    for (const of of lives) {
      const names = (await listWork(environment, of)).map(({ name }) => name);
      removed += await removeBlobs(store, config.workContainer, names, config.requestsInFlight);
    }
    return { show: [`${runId}: ${count(removed)} blobs removed`], value: { runId, removed } };
  },
});
