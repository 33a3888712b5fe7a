/**
 * The command `runs withdraw`: takes a published run back, through the app's HTTP API, and waits for it. It must not begin
 * without a clear yes: the run's IDs are never given again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { withdrawalSchema, withdrawalStartedSchema } from '../../src/http/schemas.ts';
import { defineCommand, type Result, UsageError } from '../command.ts';
import type { ShownPart } from '../terminal/show.ts';
import { plain, time } from '../terminal/text.ts';
import { runPath } from './follow-run.ts';

const POLL_MS = 500;

export const withdrawCommand = defineCommand({
  name: 'runs withdraw',
  summary: 'Take a published run back: wrong file, bad source',
  needs: ['app'],
  details:
    'Its versions of blobs count as unread again, its files go after a while, its run ID is spent and its IDs are never given again. It is refused while a later run shares one of its key indexes.',
  examples: [['runs withdraw RUN --reason "wrong file" --yes', 'in a script: nothing is asked']],
  configure: (command) =>
    command
      .argument('<run>', 'a run ID')
      .option('--reason <text>', 'kept in the manifest')
      .option('--yes', 'do not ask'),
  work: async (given, { reason, yes }, runId) => {
    if (!yes) {
      if (given.json) throw new UsageError('runs withdraw asks before it begins: give --yes with --json');
      const question = `Withdraw run ${runId}? Readers lose its files, and its IDs are never given again.`;
      if (!(await given.terminal.confirm(question, given.signal))) {
        throw new UsageError('not confirmed, so nothing was done: answer y on a terminal, or give --yes');
      }
    }
    const app = await given.app();
    const request = { body: reason === undefined ? {} : { reason }, signal: given.signal };
    await app.call('POST', `${runPath(runId)}/withdraw`, withdrawalStartedSchema, request);
    for (;;) {
      const now = await app.get(`${runPath(runId)}/withdrawal`, withdrawalSchema, {}, given.signal);
      if (now.status !== 'Running') return ended(now);
      await delay(POLL_MS, undefined, { signal: given.signal });
    }
  },
});

function ended(now: ReturnType<typeof withdrawalSchema.parse>): Result {
  const { runId, status, error, withdrawn, tables } = now;
  if (status === 'Withdrawn') {
    const until = withdrawn ? ` Its files stay until ${time(withdrawn.filesUntil)} UTC.` : '';
    const behind: ShownPart[] = tables
      ? [
          { line: `Views or tables still show it: ${tables.code}: ${tables.message}`, tone: 'warning' },
          plain(tables.remedy ?? ''),
        ]
      : [];
    return { show: [{ line: `Run ${runId} is withdrawn.${until}`, tone: 'good' }, ...behind], value: now };
  }
  const show: ShownPart[] = error
    ? [{ line: `${error.code}: ${error.message}`, tone: 'bad' }, plain(error.remedy ?? '')]
    : [`The withdrawal of run ${runId} was stopped half-way; the hourly sweep goes on with it.`];
  return { show, value: now, exit: 'failed' };
}
