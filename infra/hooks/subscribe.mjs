/**
 * After deployment: an Event Grid subscription for each pipeline that arrivals start, by its definition or by the
 * setting ORDINAL_ARRIVAL, as the app itself says. It can only be made now, because its address holds a key of the
 * running app. Its filter is the pipeline's source, so that what runs publish, in other containers, is never announced.
 * Making it again changes nothing; one of a pipeline that arrivals no longer start is removed.
 *
 * Takes the outputs of infra/main.bicep from the environment, as azd sets it, and needs the Azure CLI, signed in.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
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

/** Event Grid takes up to 64 letters, digits and hyphens; a name that had to be changed is told apart by a digest. */
export function subscriptionName(pipeline) {
  const plain = `${PREFIX}${pipeline}`;
  if (/^[a-z0-9-]{1,64}$/.test(plain)) return plain;
  const digest = createHash('sha256').update(pipeline).digest('hex').slice(0, 8);
  return `${plain.replaceAll('_', '-').slice(0, 55)}-${digest}`;
}

const PREFIX = 'arrive-';

/** Of the topic's subscriptions, those that this hook made for pipelines that arrivals no longer start. */
export function stale(names, pipelines) {
  const wanted = new Set(pipelines.filter(({ arrival }) => arrival).map(({ name }) => subscriptionName(name)));
  return names.filter((name) => name.startsWith(PREFIX) && !wanted.has(name));
}

/** The parameters of subscription.bicep for a pipeline, as the API shows it. */
export function subscription({ pipeline, appUrl, key, topic, deadLetterAccount, deadLetterContainer }) {
  const { name, source, arrival } = pipeline;
  return {
    topicName: topic,
    name: subscriptionName(name),
    endpoint: `${appUrl}/runtime/webhooks/blobs?functionName=Host.Functions.arrive-${name}&code=${encodeURIComponent(key)}`,
    subjectBeginsWith: `/blobServices/default/containers/${source.container}/blobs/${source.prefix}`,
    subjectEndsWith: arrival.on === 'marker' ? arrival.name : source.suffix,
    // On an account with a hierarchical namespace a file is made empty first and announced, then again when it is closed
    // (FlushWithClose). A marker may stay empty.
    apisLeftOut: arrival.on === 'marker' ? [] : ['CreateFile'],
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
  const { AZURE_RESOURCE_GROUP: group, SERVICE_API_NAME: name, ORDINAL_URL: appUrl } = process.env;
  const { ORDINAL_SYSTEM_TOPIC: topic, ORDINAL_DEAD_LETTER_ACCOUNT: deadLetterAccount } = process.env;
  const { ORDINAL_DEAD_LETTER_CONTAINER: deadLetterContainer } = process.env;
  const keys = () => az('functionapp', 'keys', 'list', '--name', name, '--resource-group', group);
  const { pipelines } = await retried(async () => {
    const { masterKey } = await keys();
    const answer = await fetch(`${appUrl}/api/pipelines`, { headers: { 'x-functions-key': masterKey } });
    if (!answer.ok) throw new Error(`the app answers ${answer.status}`);
    return answer.json();
  });
  await unsubscribe(group, topic, pipelines);
  const started = pipelines.filter(({ arrival }) => arrival);
  if (started.length === 0) {
    console.log('no pipeline is started by arrivals: nothing to subscribe to');
    return;
  }
  const key = await retried(async () => {
    const found = (await keys()).systemKeys?.blobs_extension;
    if (!found) throw new Error('the app has no key for blob events yet');
    return found;
  });
  for (const pipeline of started) {
    await deploy(group, subscription({ pipeline, appUrl, key, topic, deadLetterAccount, deadLetterContainer }));
    console.log(`${pipeline.name}: subscribed to ${pipeline.source.container}/${pipeline.source.prefix}`);
  }
}

async function unsubscribe(group, topic, pipelines) {
  const subscriptions = ['eventgrid', 'system-topic', 'event-subscription'];
  const place = ['--resource-group', group, '--system-topic-name', topic];
  const found = (await az(...subscriptions, 'list', ...place)) ?? [];
  const names = found.map(({ name }) => name);
  for (const name of stale(names, pipelines)) {
    await az(...subscriptions, 'delete', ...place, '--name', name, '--yes');
    console.log(`${name}: removed`);
  }
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
