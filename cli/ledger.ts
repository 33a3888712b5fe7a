/**
 * The commands `ledger show` and `ledger rebuild`. `commands.ts` calls them. A ledger needs no lease, so this process
 * does both by itself, also while runs are under way.
 */
import { pipelineOf } from '../src/environment/environment.ts';
import { ledgerSummary, readLedger } from '../src/ledger/ledger.ts';
import { emptyLedger } from '../src/ledger/ledger-documents.ts';
import { ledgerOf, rebuildLedger } from '../src/plan/run-ledger.ts';
import type { Given, Result } from './command.ts';

/** How many versions a pipeline has read, and which runs have claimed some. */
export async function showLedger({ environment }: Given, name: string): Promise<Result> {
  const pipeline = pipelineOf(environment, name);
  const head = (await readLedger(ledgerOf(environment, pipeline)))?.value ?? emptyLedger(name);
  const value = ledgerSummary(head);
  const claims = value.claims.map(({ runId, life, versions }) => `  ${versions} claimed by ${runId} (life ${life})`);
  return { lines: [`${name}: ${value.versions} versions read, in ${value.segments} segments`, ...claims], value };
}

/** Writes a pipeline's ledger again, from its manifests. */
export async function remakeLedger({ environment }: Given, name: string): Promise<Result> {
  const pipeline = pipelineOf(environment, name);
  await environment.store.ensureContainer(environment.config.workContainer);
  const value = await rebuildLedger(environment, pipeline);
  return { lines: [`${name}: ${value.versions} versions read by ${value.runs} runs`], value };
}
