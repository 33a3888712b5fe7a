/**
 * Starts what the demo runs on: Azurite, in memory, and the local Functions host with the built app. `main.ts` calls
 * it. Nothing may listen beyond this machine.
 */
import { fileURLToPath } from 'node:url';
import { startAzurite } from '../packages/local-host/src/azurite.ts';
import { startHost } from '../packages/local-host/src/start-host.ts';
import type { Services, StartContext } from './session.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The text of a host's log line that speaks of trouble, or undefined. */
export function troubleIn(line: string): string | undefined {
  if (!line.startsWith('{')) return line.trim() === '' ? undefined : line;
  try {
    const entry = JSON.parse(line) as { event?: string; level?: string; message?: string };
    const bad = entry.event === 'failed' || ['error', 'critical'].includes(entry.level?.toLowerCase() ?? '');
    return bad ? entry.message : undefined;
  } catch {
    return line;
  }
}

/** @throws when one of them does not come up; what was started until then is the session's to stop. */
export async function startServices(context: StartContext): Promise<Services> {
  let stopping = false;
  const azurite = await startAzurite();
  context.spawned('azurite', azurite.pid);
  context.signal.throwIfAborted();
  const host = await startHost({
    scriptRoot: root,
    env: { AzureWebJobsStorage: azurite.connectionString },
    onLine: (line) => {
      const trouble = troubleIn(line);
      if (trouble !== undefined) context.trouble(trouble);
    },
  });
  context.spawned('host', host.pid);
  void host.ended.then((code) => {
    if (!stopping) context.lost(`the local host ended by itself (${code})`);
  });
  return {
    host: host.url,
    connectionString: azurite.connectionString,
    stop: async () => {
      stopping = true;
      // A run that still goes on is of no use any more: what does not stop at once is ended by the session.
      await Promise.race([host.stop(), new Promise((resolve) => setTimeout(resolve, 3_000).unref())]);
      await azurite.stop();
    },
  };
}
