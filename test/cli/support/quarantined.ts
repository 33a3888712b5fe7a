/** A published run that refused rows: made by the engine in this process, as the pipeline of that name that sets them aside. */
import { BlobServiceClient } from '@azure/storage-blob';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { pipelines } from '../../../pipelines/index.ts';
import { openEnvironment } from '../../../src/environment/open-environment.ts';
import { activities } from '../../../src/registration/activity-list.ts';
import { InProcess } from '../../../src/testing/in-process.ts';

export async function quarantinedRun(connectionString: string): Promise<{ runId: string; refused: number }> {
  const origins = ['ABQ', 'a,"b', 'DEN', 'X', 'BOS'];
  const columns = [
    { name: 'date', data: origins.map((_, i) => new Date(Date.UTC(2001, 0, i + 1))), type: 'TIMESTAMP' as const },
    { name: 'delay', data: origins.map((_, i) => i), type: 'INT32' as const },
    { name: 'distance', data: origins.map(() => 100), type: 'INT32' as const },
    { name: 'origin', data: origins, type: 'STRING' as const },
    { name: 'destination', data: origins.map(() => 'CLT'), type: 'STRING' as const },
  ];
  const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient('landing');
  await container.createIfNotExists();
  const bytes = new Uint8Array(parquetWriteBuffer({ columnData: columns }));
  await container.getBlockBlobClient('flights/refused/a.parquet').upload(bytes, bytes.byteLength);
  const flights = { ...pipelines.get('flights')!, onInvalid: 'quarantine' as const, maxRejected: 1 };
  const environment = openEnvironment({ AzureWebJobsStorage: connectionString }, new Map([['flights', flights]]));
  const runId = 'refusing';
  const engine = new InProcess({
    activity: (name, input) => activities.find((each) => each.name === name)!.run(environment, input),
  });
  await engine.run('flights', 'flights/refused/', runId);
  return { runId, refused: 2 };
}
