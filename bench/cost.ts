/**
 * What a run costs in Azure: counts a run's requests, activities and seconds on the local host and Azurite, and prices
 * them. What a load costs that was not run is worked out by cost-model.ts, from figures that this prints.
 *
 *   npm run bench:cost -- [--set flights|sales] [--rows N] [--files N]
 */
import { parseArgs } from 'node:util';
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from '../packages/local-host/src/azurite.ts';
import { startHost } from '../packages/local-host/src/start-host.ts';
import { pipelines } from '../pipelines/index.ts';
import type { SetName } from './contestants/contestant.ts';
import { type Counts, costOf } from './cost-model.ts';
import { countRequests } from './counting-proxy.ts';
import { complete } from './service.ts';
import { rowsOf, sourceOf } from './sets.ts';

/** @param rows of the run in all, in `files` blobs of as many rows. */
export async function countRun(set: SetName, rows: number, files = 1): Promise<Counts> {
  const pipeline = pipelines.get(set)!;
  const azurite = await startAzurite();
  const proxy = await countRequests(new URL(azurite.blobUrl).origin);
  const counts: Counts = { rows, files, activities: 0, seconds: 0, messages: 0, blobs: proxy.counts };
  try {
    const direct = BlobServiceClient.fromConnectionString(azurite.connectionString);
    const container = direct.getContainerClient(pipeline.source.container);
    await container.create();
    const source = await sourceOf(set, Math.round(rows / files));
    for (let file = 0; file < files; file++) {
      const name = `${pipeline.source.prefix}source-${String(file).padStart(5, '0')}${pipeline.source.suffix}`;
      await container.getBlockBlobClient(name).uploadFile(source);
    }
    const counted = azurite.connectionString.replace(new URL(azurite.blobUrl).origin, proxy.url);
    const env = { AzureWebJobsStorage: azurite.connectionString, ORDINAL_STORAGE: counted };
    const host = await startHost({ workers: 2, env, onLine: (line) => countActivity(counts, line) });
    try {
      await complete(host.url, set, 'counted');
      counts.messages = await messagesOf(host.url, 'counted');
    } finally {
      await host.stop();
    }
    return counts;
  } finally {
    proxy.close();
    await azurite.stop();
  }
}

/** Messages to a run and to entities: each wakes somebody, unless several come at once. */
async function messagesOf(url: string, runId: string): Promise<number> {
  const answer = await fetch(`${url}/runtime/webhooks/durabletask/instances/${runId}?showHistory=true`);
  const { historyEvents } = (await answer.json()) as { historyEvents: { EventType: string }[] };
  const of = (...types: string[]) => historyEvents.filter(({ EventType }) => types.includes(EventType)).length;
  // What an entity answers came by a message to it.
  return of('ExecutionStarted', 'TaskCompleted', 'TaskFailed', 'TimerFired') + 2 * of('EventRaised');
}

/** Adds what a line of the host's log tells: the app's own lines about activities. */
export function countActivity(counts: Pick<Counts, 'activities' | 'seconds'>, line: string): void {
  const { message = '' } = line.startsWith('{') ? (JSON.parse(line) as { message?: string }) : {};
  if (!message.startsWith('{"event":"activity"')) return;
  counts.activities++;
  counts.seconds += (JSON.parse(message) as { ms: number }).ms / 1000;
}

/** Both tables of the docs, as Markdown. */
export function costTables(counts: Counts): string {
  const { rows, activities, seconds, messages, blobs } = counts;
  const millions = rows / 1e6;
  const per = (n: number) => Math.round(n / millions).toLocaleString('en-US');
  const row = (what: string, n: number) => `| ${what} | ${n.toLocaleString('en-US')} | ${per(n)} |`;
  const parts = costOf(counts, 1);
  const total = parts.reduce((sum, { dollars }) => sum + dollars, 0);
  return [
    `| | for ${rows.toLocaleString('en-US')} rows | for 1,000,000 rows |`,
    '|---|---|---|',
    `| activities | ${activities} in ${seconds.toFixed(1)} s | ${per(activities)} in ${(seconds / millions).toFixed(1)} s |`,
    row('orchestrator episodes and entity operations, at most', messages),
    row('blob requests that write or list', blobs.writes),
    row('blob requests that read', blobs.reads),
    row('blob requests that delete (free)', blobs.deletes),
    '',
    '| part | for 1,000,000 rows | |',
    '|---|---|---|',
    ...parts.map(({ part, amount, dollars }) => `| ${part} | ${amount} | $${dollars.toFixed(6)} |`),
    `| **together** | | **$${total.toFixed(4)}** |`,
  ].join('\n');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      set: { type: 'string', default: 'flights' },
      rows: { type: 'string' },
      files: { type: 'string', default: '1' },
    },
  });
  const set = values.set === 'sales' ? 'sales' : 'flights';
  const rows = values.rows === undefined ? rowsOf[set] : Number(values.rows);
  const counts = await countRun(set, rows, Number(values.files));
  console.log(costTables(counts));
  console.log(`\nFor cost-model.ts: ${JSON.stringify(counts)}`);
}
