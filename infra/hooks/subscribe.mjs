/**
 * After deployment: an Event Grid subscription for each pipeline that arrivals start. It can only be made now, because
 * its address holds a key of the running app. Its filter is the pipeline's source, so that what runs publish, in other
 * containers, is never announced. Making it again changes nothing.
 *
 * Takes the outputs of infra/main.bicep from the environment, as azd sets it, and needs the Azure CLI, signed in.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const template = fileURLToPath(new URL('../subscription.bicep', import.meta.url));

/** Runs the Azure CLI. On Windows it is a script, which only a shell starts; to the shell, paths need quotes. */
async function az(...parameters) {
  const windows = process.platform === 'win32';
  const all = [...parameters, '--output', 'json'];
  const { stdout } = await promisify(execFile)('az', windows ? all.map((each) => `"${each}"`) : all, {
    shell: windows,
  });
  return stdout.trim() === '' ? undefined : JSON.parse(stdout);
}

/** The parameters of subscription.bicep for a pipeline, as the API shows it. */
export function subscription({ pipeline, appUrl, key, topic, deadLetterAccount, deadLetterContainer }) {
  const { name, source, arrival } = pipeline;
  return {
    topicName: topic,
    // Event Grid takes letters, digits and hyphens.
    name: `arrive-${name.replaceAll('_', '-')}`.slice(0, 64),
    endpoint: `${appUrl}/runtime/webhooks/blobs?functionName=Host.Functions.arrive-${name}&code=${encodeURIComponent(key)}`,
    subjectBeginsWith: `/blobServices/default/containers/${source.container}/blobs/${source.prefix}`,
    subjectEndsWith: arrival.on === 'marker' ? arrival.name : source.suffix,
    deadLetterAccountId: deadLetterAccount,
    deadLetterContainer,
  };
}

async function deploy(group, parameters) {
  // By a file: parameters on the command line are seen by everybody on this machine, and one is a key.
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-'));
  try {
    const file = path.join(folder, 'parameters.json');
    const values = Object.entries(parameters).map(([name, value]) => [name, { value }]);
    await writeFile(file, JSON.stringify({ contentVersion: '1.0.0.0', parameters: Object.fromEntries(values) }), {
      mode: 0o600,
    });
    const target = ['--resource-group', group, '--name', parameters.name];
    await az('deployment', 'group', 'create', ...target, '--template-file', template, '--parameters', `@${file}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
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

async function main() {
  if (Object.keys(JSON.parse(process.env.ORDINAL_ARRIVAL || '{}')).length === 0) {
    console.log('no pipeline is started by arrivals (ORDINAL_ARRIVAL): nothing to subscribe to');
    return;
  }
  const { AZURE_RESOURCE_GROUP: group, SERVICE_API_NAME: name, ORDINAL_URL: appUrl } = process.env;
  const { ORDINAL_SYSTEM_TOPIC: topic, ORDINAL_DEAD_LETTER_ACCOUNT: deadLetterAccount } = process.env;
  const { ORDINAL_DEAD_LETTER_CONTAINER: deadLetterContainer } = process.env;
  const keys = await retried(async () => {
    const found = await az('functionapp', 'keys', 'list', '--name', name, '--resource-group', group);
    if (!found?.systemKeys?.blobs_extension) throw new Error('the app has no key for blob events yet');
    return found;
  });
  const { pipelines } = await retried(async () => {
    const answer = await fetch(`${appUrl}/api/pipelines`, { headers: { 'x-functions-key': keys.masterKey } });
    if (!answer.ok) throw new Error(`the app answers ${answer.status}`);
    return answer.json();
  });
  const key = keys.systemKeys.blobs_extension;
  for (const pipeline of pipelines) {
    if (!pipeline.arrival) continue;
    await deploy(group, subscription({ pipeline, appUrl, key, topic, deadLetterAccount, deadLetterContainer }));
    console.log(`${pipeline.name}: subscribed to ${pipeline.source.container}/${pipeline.source.prefix}`);
  }
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
