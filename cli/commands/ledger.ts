/**
 * The commands of `ledger`: which versions of source blobs a pipeline has read. A ledger needs no lease, so this process
 * does both by itself, also while runs are under way.
 */
import { pipelineOf } from '../../src/environment/environment.ts';
import { ledgerSummary, readLedger } from '../../src/ledger/ledger.ts';
import { emptyLedger } from '../../src/ledger/ledger-documents.ts';
import { ledgerOf, rebuildLedger } from '../../src/plan/run-ledger.ts';
import { type AnyCommand, defineCommand } from '../command.ts';

const show = defineCommand({
  name: 'ledger show',
  summary: 'Show how many versions of source blobs a pipeline has read, and which runs have claimed some',
  needs: ['storage'],
  configure: (command) => command.argument('<pipeline>', 'name of a pipeline'),
  work: async (given, _, name) => {
    const environment = await given.environment();
    const pipeline = pipelineOf(environment, name);
    const head = (await readLedger(ledgerOf(environment, pipeline)))?.value ?? emptyLedger(name);
    const value = ledgerSummary(head);
    const columns = [{ title: 'run', whole: true }, { title: 'life' }, { title: 'versions claimed' }];
    const rows = value.claims.map(({ runId, life, versions }) => [runId, String(life), String(versions)]);
    return {
      show: [
        `${name}: ${value.versions} versions read, in ${value.segments} segments`,
        { columns, rows, none: 'No run has claimed any.' },
      ],
      value,
    };
  },
});

const rebuild = defineCommand({
  name: 'ledger rebuild',
  summary: "Write a pipeline's ledger again from its manifests",
  details: 'Runs may go on meanwhile.',
  needs: ['storage'],
  configure: (command) => command.argument('<pipeline>', 'name of a pipeline'),
  work: async (given, _, name) => {
    const environment = await given.environment();
    const pipeline = pipelineOf(environment, name);
    await environment.store.ensureContainer(environment.config.workContainer);
    const value = await rebuildLedger(environment, pipeline);
    return { show: [`${name}: ${value.versions} versions read by ${value.runs} runs`], value };
  },
});

export const ledgerCommands: readonly AnyCommand[] = [show, rebuild];
