/**
 * Starts Azurite, the storage emulator, as a child process on 127.0.0.1. `npm start`, `npm run start:func` and tests
 * call it. It must never listen on an address that other machines can reach.
 */
import { moduleBeside, startChild } from './child.ts';

export interface AzuriteOptions {
  /** Folder of the data; omitted: everything in memory. */
  dir?: string;
  /** Ports of the services; 0 (the default) for any free one. */
  ports?: { blob?: number; queue?: number; table?: number };
  /** Files of a certificate and its key: it then speaks HTTPS, and takes tokens of Entra ID beside its key. */
  tokens?: { cert: string; key: string };
  onLine?: (line: string) => void;
}

export interface RunningAzurite {
  /** For `AzureWebJobsStorage` and the storage SDKs. */
  connectionString: string;
  blobUrl: string;
  queueUrl: string;
  tableUrl: string;
  pid: number;
  /** Stops it; data in `dir` stays. */
  stop(): Promise<void>;
}

const startMsMax = 30_000;

/** The account that every storage emulator has; its key is public. */
const account = 'devstoreaccount1';
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** Starts Azurite (blob, queue and table service) on 127.0.0.1. @throws when it does not come up. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<RunningAzurite> {
  const { dir, ports = {}, tokens } = options;
  const args = ['--disableTelemetry', '--skipApiVersionCheck', '--silent'];
  for (const service of ['blob', 'queue', 'table'] as const) {
    args.push(`--${service}Host`, '127.0.0.1', `--${service}Port`, String(ports[service] ?? 0));
  }
  args.push(...(dir === undefined ? ['--inMemoryPersistence'] : ['--location', dir]));
  if (tokens) args.push('--oauth', 'basic', '--cert', tokens.cert, '--key', tokens.key);
  const urls = new Map<string, string>();
  const output: string[] = [];
  let allUp: (() => void) | undefined;
  const up = new Promise<void>((resolve) => {
    allUp = resolve;
  });
  const child = startChild({
    module: moduleBeside(import.meta.url, './azurite-process'),
    args,
    execArgv: ['--disable-warning=ExperimentalWarning', '--disable-warning=DEP0169', '--disable-warning=DEP0040'],
    onLine: (line) => {
      output.push(line);
      options.onLine?.(line);
      const found = /Azurite (Blob|Queue|Table) service is successfully listening at (http\S+)/.exec(line);
      if (found) urls.set(found[1]!.toLowerCase(), `${found[2]!}/${account}`);
      if (urls.size === 3) allUp?.();
    },
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it is not up after ${startMsMax} ms`)), startMsMax);
  });
  const failed = child.ended.then((code) => Promise.reject(new Error(`it ended (${code})`)));
  try {
    await Promise.race([up, failed, late]);
  } catch (error) {
    await child.stop('SIGKILL');
    const taken = output.map((line) => /EADDRINUSE.*?:(\d+)/.exec(line)?.[1]).find((port) => port !== undefined);
    if (taken !== undefined) throw new Error(`Azurite did not start: port ${taken} is in use (0 takes any free one).`);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Azurite did not start: ${reason}\n${output.slice(-10).join('\n')}`);
  } finally {
    clearTimeout(timer);
  }
  failed.catch(() => {});
  const [blobUrl, queueUrl, tableUrl] = ['blob', 'queue', 'table'].map((each) => urls.get(each) ?? '') as [
    string,
    string,
    string,
  ];
  const connectionString = [
    `DefaultEndpointsProtocol=${tokens ? 'https' : 'http'}`,
    `AccountName=${account}`,
    `AccountKey=${accountKey}`,
    `BlobEndpoint=${blobUrl}`,
    `QueueEndpoint=${queueUrl}`,
    `TableEndpoint=${tableUrl}`,
    '',
  ].join(';');
  return { connectionString, blobUrl, queueUrl, tableUrl, pid: child.pid, stop: () => child.stop('SIGTERM', 5_000) };
}
