/**
 * Looks at the set-up of an app: its settings, the containers that it reads and writes with the roles that it has there,
 * its triggers, its versions. The HTTP API runs it in the app, with the app's identity; the command runs it on the
 * operator's machine too. It writes one small blob into each container that the app writes, and removes it again.
 */
import { randomUUID } from 'node:crypto';
import { bindingNames } from '../environment/app-settings.ts';
import { settingNames } from '../environment/config.ts';
import type { Environment } from '../environment/environment.ts';
import { ownVersion, packageVersion } from '../environment/version.ts';
import { toErrorValue } from '../errors.ts';
import { nearestOf } from '../nearest.ts';
import { arrivalOf } from '../pipeline/arrival.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { type Finding, ok, warning, wrong, wrongBy } from './finding.ts';

/** Settings that are read neither by activities nor by bindings: by the command, by templates. */
const otherSettings = [
  'ORDINAL_STORAGE__queueServiceUri',
  'ORDINAL_HOST',
  'ORDINAL_HOST_KEY',
  'ORDINAL_HOST_CODE',
  'ORDINAL_HOST_SCOPE',
  'ORDINAL_URL',
  'ORDINAL_DURABLE_BACKEND',
];

const NODE_MAJOR_MIN = 22;
const PROBE = '_ordinal-doctor/';
/** Blobs of a source that are looked at, to say whether there are any. */
const SEEN_MAX = 1000;

type Settings = Readonly<Record<string, string | undefined>>;

/**
 * Looks at everything.
 *
 * @param settings by name, as the app has them.
 * @returns what was found, in the order in which one would mend it. It never throws for what is wrong.
 */
export async function checkUp(environment: Environment, settings: Settings): Promise<Finding[]> {
  return [
    ...checkVersions(),
    ...checkSettings(settings),
    ...(await checkStorage(environment)),
    ...checkTriggers(environment, settings),
  ];
}

/** Names that begin with `ORDINAL_` and that nothing reads are misspelt. */
export function checkSettings(settings: Settings): Finding[] {
  const known = [...settingNames, ...bindingNames, ...otherSettings];
  const unknown = Object.keys(settings).filter((name) => /^ORDINAL_/i.test(name) && !known.includes(name));
  const findings = unknown.map((name) => {
    const nearest = nearestOf(name, known);
    const remedy = nearest ? `Rename it to ${nearest}, or remove it.` : 'Remove it: docs/deploy.md lists all settings.';
    return warning('settings', name, 'nothing reads this setting', remedy);
  });
  if (findings.length > 0) return findings;
  const set = Object.keys(settings).filter((name) => known.includes(name));
  return [ok('settings', 'app settings', set.length > 0 ? `read: ${set.sort().join(', ')}` : 'all at their defaults')];
}

export function checkVersions(): Finding[] {
  const major = Number(process.versions.node.split('.')[0]);
  const node =
    major >= NODE_MAJOR_MIN
      ? ok('versions', 'Node', process.versions.node)
      : wrong(
          'versions',
          'Node',
          `${process.versions.node} is too old`,
          `Run the app on Node ${NODE_MAJOR_MIN} or later.`,
        );
  const packages = ['durable-functions', '@azure/functions'].map((name) => {
    const version = packageVersion(name);
    return version
      ? ok('versions', name, version)
      : wrong('versions', name, 'is not installed', `Install it: npm install ${name}.`);
  });
  return [ok('versions', 'Ordinal', ownVersion()), node, ...packages];
}

/** Every container once: whether it is reached, and whether the app may do there what it must. */
async function checkStorage(environment: Environment): Promise<Finding[]> {
  const { config, pipelines, store } = environment;
  const work = config.workContainer;
  const reached = await canWrite(environment, work, 'work in progress and key indexes');
  // Without an account, all others would say the same.
  if (reached.level === 'wrong') return [reached];
  const outputs = new Set([...pipelines.values()].map(({ output }) => output.container));
  outputs.delete(work);
  const written = await Promise.all([...outputs].map((container) => canWrite(environment, container, 'outputs')));
  const read = await Promise.all([...pipelines.values()].map((pipeline) => canRead(store, pipeline)));
  return [reached, ...written, ...read];
}

async function canWrite({ store }: Environment, container: string, what: string): Promise<Finding> {
  const name = `${PROBE}${randomUUID()}`;
  try {
    await store.ensureContainer(container);
    await store.write(container, name, new Uint8Array([0]), { ifAbsent: true });
    await store.remove(container, name);
    return ok('storage', container, `${what}: can be read and written`);
  } catch (thrown) {
    return unusable(container, thrown);
  }
}

/** What is not reached may be reached later; what is refused has its remedy already. */
function unusable(subject: string, thrown: unknown): Finding {
  const { retryable, message } = toErrorValue(thrown);
  if (!retryable) return wrongBy('storage', subject, thrown);
  const remedy =
    'See that the account of ORDINAL_STORAGE or AzureWebJobsStorage is right and its network lets you in; on this machine start Azurite: npm start.';
  return wrong('storage', subject, message, remedy);
}

async function canRead(store: Environment['store'], { name, source }: CompiledPipeline): Promise<Finding> {
  const { container, prefix, suffix } = source;
  const subject = `${container}/${prefix}`;
  let fitting = 0;
  let others = 0;
  try {
    for await (const blob of store.list(container, prefix)) {
      if (blob.name.endsWith(suffix)) fitting++;
      else others++;
      if (fitting + others >= SEEN_MAX) break;
    }
  } catch (thrown) {
    return unusable(subject, thrown);
  }
  const more = fitting + others >= SEEN_MAX ? ' or more' : '';
  if (fitting > 0) return ok('storage', subject, `source of ${name}: ${fitting}${more} blobs`);
  const says = `source of ${name}: there is no blob that ends in ${suffix}`;
  const remedy = others > 0 ? `Rename the ${others}${more} blobs there, or change the suffix.` : 'Upload the source.';
  return warning('storage', subject, says, remedy);
}

function checkTriggers({ config, pipelines }: Environment, settings: Settings): Finding[] {
  const source = settings.ORDINAL_ARRIVAL_SOURCE;
  const findings = [...pipelines.values()].map((pipeline): Finding => {
    const arrival = arrivalOf(pipeline, config.arrivals);
    if (!arrival) return ok('triggers', pipeline.name, 'no blob starts it: HTTP or Data Factory do');
    const name = `arrive-${pipeline.name}`;
    if (isDisabled(settings, name)) {
      return warning('triggers', name, 'is switched off by a setting', `Remove AzureWebJobs.${name}.Disabled.`);
    }
    const by = source === 'LogsAndContainerScan' ? 'by scanning the container' : 'by Event Grid';
    return ok('triggers', name, `${arrival.on}: blobs of ${pipeline.source.container} start runs, found ${by}`);
  });
  const sweep = isDisabled(settings, 'housekeeping')
    ? warning(
        'triggers',
        'housekeeping',
        'is switched off: dead runs are not settled, and remains are kept for ever',
        'Remove the setting AzureWebJobs.housekeeping.Disabled.',
      )
    : ok('triggers', 'housekeeping', settings.ORDINAL_SWEEP_SCHEDULE ?? 'every hour');
  return [...findings, sweep];
}

function isDisabled(settings: Settings, name: string): boolean {
  const value = settings[`AzureWebJobs.${name}.Disabled`] ?? settings[`AzureWebJobs_${name}_Disabled`];
  return value === 'true' || value === '1';
}
