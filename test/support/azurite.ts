/**
 * Azurite for tests: one process for all files of a test process, since its start takes longer than most of what they ask
 * of it. Each caller has an account of its own, which is empty.
 */
import { type RunningAzurite, startAzurite as start } from '../../packages/local-host/src/azurite.ts';

const key = Buffer.from('a key of sixty-four bytes, as accounts have, and all of them the same')
  .subarray(0, 64)
  .toString('base64');
const accounts = Array.from({ length: 99 }, (_, i) => `tests${i}`);
/** The account that Azurite has when it is told of none. */
const usual = 'devstoreaccount1';
let running: Promise<RunningAzurite> | undefined;

/** Gives the next account. Its `stop` leaves the process to the others: it ends with the test process. */
export async function startAzurite(): Promise<RunningAzurite> {
  running ??= startOnce();
  const azurite = await running;
  const account = accounts.pop();
  if (account === undefined) throw new Error('more accounts are asked for than Azurite was told of');
  const own = (text: string) => text.replaceAll(usual, account);
  return {
    ...azurite,
    connectionString: own(azurite.connectionString).replace(/AccountKey=[^;]*/, `AccountKey=${key}`),
    blobUrl: own(azurite.blobUrl),
    queueUrl: own(azurite.queueUrl),
    tableUrl: own(azurite.tableUrl),
    stop: async () => {},
  };
}

function startOnce(): Promise<RunningAzurite> {
  process.env.AZURITE_ACCOUNTS = accounts.map((account) => `${account}:${key}`).join(';');
  const started = start();
  // What else is started here inherits the environment, too, and has the usual account.
  delete process.env.AZURITE_ACCOUNTS;
  return started;
}
