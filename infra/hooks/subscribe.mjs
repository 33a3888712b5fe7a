/**
 * After deployment: an Event Grid subscription for each pipeline that arrivals start. It can only be made now, because
 * its address holds a key of the running app. Its filter is the pipeline's source, so that what runs publish, in other
 * containers, is never announced. Making it again changes nothing.
 *
 * Takes the outputs of infra/main.bicep from the environment, as azd sets it, and needs the Azure CLI, signed in.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const az = async (...parameters) => {
  const all = [...parameters, '--output', 'json'];
  // On Windows the CLI is a script, which only a shell starts; to the shell, addresses need quotes.
  const windows = process.platform === 'win32';
  const { stdout } = await run('az', windows ? all.map((each) => `"${each}"`) : all, { shell: windows });
  return stdout.trim() === '' ? undefined : JSON.parse(stdout);
};

/** The subscription of a pipeline, as parameters of the Azure CLI. */
export function subscription({ pipeline, arrival, appUrl, key, group, topic, deadLetters }) {
  const { container, prefix, suffix } = pipeline.source;
  const endpoint = `${appUrl}/runtime/webhooks/blobs?functionName=Host.Functions.arrive-${pipeline.name}&code=${encodeURIComponent(key)}`;
  return [
    ...['eventgrid', 'system-topic', 'event-subscription', 'create'],
    ...['--name', `arrive-${pipeline.name}`, '--resource-group', group, '--system-topic-name', topic],
    ...['--endpoint-type', 'webhook', '--endpoint', endpoint],
    ...['--included-event-types', 'Microsoft.Storage.BlobCreated'],
    ...['--subject-begins-with', `/blobServices/default/containers/${container}/blobs/${prefix}`],
    ...['--subject-ends-with', arrival.on === 'marker' ? `/${arrival.name}` : suffix],
    // What cannot be delivered within a day is kept to be looked at.
    ...['--max-delivery-attempts', '30', '--event-ttl', '1440', '--deadletter-endpoint', deadLetters],
  ];
}

async function main() {
  const wanted = JSON.parse(process.env.ORDINAL_ARRIVAL || '{}');
  if (Object.keys(wanted).length === 0) {
    console.log('no pipeline is started by arrivals (ORDINAL_ARRIVAL): nothing to subscribe to');
    return;
  }
  const { AZURE_RESOURCE_GROUP: group, SERVICE_API_NAME: name, ORDINAL_URL: appUrl } = process.env;
  const { ORDINAL_SYSTEM_TOPIC: topic, ORDINAL_DEAD_LETTERS: deadLetters } = process.env;
  const keys = await retried(async () => {
    const found = await az('functionapp', 'keys', 'list', '--name', name, '--resource-group', group);
    if (!found?.systemKeys?.blobs_extension) throw new Error('the app has no key for blob events yet');
    return found;
  });
  const response = await retried(async () => {
    const answer = await fetch(`${appUrl}/api/pipelines`, { headers: { 'x-functions-key': keys.masterKey } });
    if (!answer.ok) throw new Error(`the app answers ${answer.status}`);
    return answer.json();
  });
  for (const pipeline of response.pipelines) {
    if (!pipeline.arrival) continue;
    const key = keys.systemKeys.blobs_extension;
    await az(...subscription({ pipeline, arrival: pipeline.arrival, appUrl, key, group, topic, deadLetters }));
    console.log(`${pipeline.name}: subscribed to ${pipeline.source.container}/${pipeline.source.prefix}`);
  }
}

/** A fresh app takes minutes to be there. */
async function retried(work) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 20) throw error;
      console.log(`${error.message}; trying again`);
      await new Promise((resolve) => setTimeout(resolve, 15_000));
    }
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname || process.argv[1]?.endsWith('subscribe.mjs')) await main();
