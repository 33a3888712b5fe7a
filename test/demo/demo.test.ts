/**
 * The whole demo, end to end: Azurite, the local host with the built app, three million flights, both runs. The
 * second run's flights are tampered with on their way to the verifier: the demo must find that, and only that. What the
 * footers of published files say is held to a full decode before.
 */
import assert from 'node:assert/strict';
import { readFile, rename } from 'node:fs/promises';
import { it } from 'vitest';
import { DemoBlobs } from '../../demo/blobs.ts';
import { type RunFigures, runDemo } from '../../demo/demo.ts';
import { startServices } from '../../demo/services.ts';
import { runSession } from '../../demo/session.ts';
import { Duck, literal } from '../../tools/duckdb.ts';
import { checkFooter } from '../support/footer-oracle.ts';

/** Adds one minute to the delay of one flight of the second file of flights that is fetched. */
class TamperingBlobs extends DemoBlobs {
  #fetched = 0;

  override async download(container: string, name: string, folder: string, signal: AbortSignal): Promise<string> {
    const file = await super.download(container, name, folder, signal);
    if (name.endsWith('.parquet')) await checkFooter(await readFile(file), name);
    if (!name.includes('/flights/') || ++this.#fetched !== 2) return file;
    const duck = await Duck.open({ tempFolder: folder });
    await duck.run(`copy (
        select * exclude (file_row_number) replace (if(file_row_number = 123456, delay + 1, delay) as delay)
        from read_parquet(${literal(file)}, file_row_number = true) order by file_row_number
      ) to ${literal(`${file}.changed`)} (format parquet)`);
    duck.close();
    await rename(`${file}.changed`, file);
    return file;
  }
}

it('runs twice over real flights, and finds a changed value', { timeout: 600_000 }, async () => {
  const runs: Partial<RunFigures>[] = [];
  let shown = '';
  let allHold: boolean | undefined;
  const session = await runSession({
    start: startServices,
    work: async ({ host, connectionString }, { folder, signal }) => {
      const out = { write: (text: string) => (shown += text) };
      allHold = await runDemo({ host, blobs: new TamperingBlobs(connectionString), folder, out, signal }, runs);
    },
  });
  if (session.error !== undefined) throw new Error(session.troubles.join('\n'), { cause: session.error });
  const failed = runs.map((run) => run.checks?.filter((check) => !check.ok).map((one) => `${one.entity}/${one.check}`));
  assert.deepEqual(failed, [[], ['flights/values']]);
  assert.equal(allHold, false);
  assert.match(shown, /FAILED +flights +values equal .* delay: 1 rows, first at row 123456/);
  assert.deepEqual(
    runs.map((run) => run.entities?.map(({ entity, rows, firstId, lastId }) => [entity, rows, firstId, lastId])),
    [
      [
        ['airports', 229, '1', '229'],
        ['routes', 3_399, '1', '3399'],
        ['flights', 3_000_000, '1', '3000000'],
      ],
      [
        ['airports', 0, null, null],
        ['routes', 0, null, null],
        ['flights', 500_000, '3000001', '3500000'],
      ],
    ],
  );
  for (const one of session.processes) {
    assert.ok((one.peakBytes ?? 0) < 1024 ** 3, `${one.name} stays under 1 GiB: ${one.peakBytes} bytes`);
  }
});
