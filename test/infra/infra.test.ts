/** What is deployed: the package runs, and subscriptions see what they should. The templates are in templates.test.ts. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startHost } from '../../packages/local-host/src/start-host.ts';
import { pipelines } from '../../pipelines/index.ts';
import { arrivalDoors } from '../../src/arrival/blob-triggers.ts';
import { parseConfig } from '../../src/environment/config.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (name: string) => readFile(path.join(root, name), 'utf8');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ordinal-infra-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('holds the app and its runtime dependencies, and runs', async () => {
    const staged = path.join(folder, 'app');
    await run(process.execPath, [path.join(root, 'infra/hooks/stage.mjs'), staged]);
    assert.deepEqual((await readdir(staged)).sort(), ['dist', 'host.json', 'package-lock.json', 'package.json']);
    const manifest = JSON.parse(await readFile(path.join(staged, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      devDependencies?: object;
    };
    assert.equal(manifest.devDependencies, undefined);
    assert.ok(Object.values(manifest.dependencies).every((version) => /^\d+\.\d+\.\d+/.test(version)));
    // What the worker shares with the app is installed; all else is in the bundle.
    assert.deepEqual(Object.keys(manifest.dependencies), ['@azure/functions', '@azure/functions-extensions-base']);
    // What they depend on is fixed too, by checksum, and nothing else is in the lock file.
    type Locked = Record<string, { dependencies?: Record<string, string>; integrity?: string; dev?: boolean }>;
    const { packages } = JSON.parse(await readFile(path.join(staged, 'package-lock.json'), 'utf8')) as {
      packages: Locked;
    };
    const { '': top, ...locked } = packages;
    assert.deepEqual(top?.dependencies, manifest.dependencies);
    assert.ok(Object.keys(manifest.dependencies).every((name) => `node_modules/${name}` in locked));
    for (const [at, { dependencies = {}, integrity, dev }] of Object.entries(locked)) {
      assert.ok(/^sha512-/.test(integrity ?? '') && !dev, at);
      for (const name of Object.keys(dependencies)) {
        const places = at
          .split('/node_modules/')
          .map((_, i, all) => all.slice(0, all.length - i).join('/node_modules/'));
        assert.ok(
          [...places.map((place) => `${place}/node_modules/${name}`), `node_modules/${name}`].some(
            (one) => one in locked,
          ),
          `${name} of ${at}`,
        );
      }
    }
    await symlink(path.join(root, 'node_modules'), path.join(staged, 'node_modules'));
    // No storage is asked for by this: the app answers without any.
    const env = { AzureWebJobsStorage: 'UseDevelopmentStorage=true' };
    const host = await startHost({ scriptRoot: staged, workers: 1, env });
    try {
      const response = await fetch(`${host.url}/api/pipelines`);
      const body = (await response.json()) as { pipelines: { name: string }[] };
      assert.deepEqual(
        body.pipelines.map(({ name }) => name),
        ['flights', 'sales'],
      );
    } finally {
      await host.stop();
    }
  });
});

describe('azd', () => {
  it('has the service install what the package names: it would not, where .funcignore kept node_modules', async () => {
    assert.match(await text('azure.yaml'), /^ {4}host: function\n(?: {4}#.*\n)* {4}remoteBuild: true$/m);
    for (const name of ['.funcignore', 'template/funcignore.template'])
      assert.ok((await text(name)).split('\n').includes('node_modules'), name);
  });
});

describe('the package for a scheduler', () => {
  const stage = (name: string, backend: string) => {
    const env = { ...process.env, ORDINAL_DURABLE_BACKEND: backend };
    return run(process.execPath, [path.join(root, 'infra/hooks/stage.mjs'), path.join(folder, name)], { env });
  };
  interface Host {
    extensions: { durableTask: { hubName: string; storageProvider: { type: string; connectionStringName?: string } } };
  }
  const hostOf = async (name: string) =>
    JSON.parse(await readFile(path.join(folder, name, 'host.json'), 'utf8')) as Host;

  it('has another storage provider, and is the same otherwise', async () => {
    await stage('scheduled', 'scheduler');
    await stage('stored', 'storage');
    const ours = JSON.parse(await text('host.json')) as Host;
    assert.deepEqual(await hostOf('stored'), ours);
    const { extensions, ...rest } = await hostOf('scheduled');
    const { storageProvider, ...durableTask } = extensions.durableTask;
    const { extensions: ourExtensions, ...ourRest } = ours;
    const { storageProvider: _, ...ourDurableTask } = ourExtensions.durableTask;
    assert.deepEqual([rest, durableTask], [ourRest, ourDurableTask]);
    // The extension's name for it, and the app setting that infra/app/function.bicep makes.
    assert.equal(storageProvider.type, 'azureManaged');
    assert.ok((await text('infra/app/function.bicep')).includes(`${storageProvider.connectionStringName}: 'Endpoint=`));
    // The task hub that the templates make is the one that host.json names.
    assert.ok((await text('infra/resources.bicep')).includes(`var taskHub = '${durableTask.hubName}'`));
  });

  it('is refused for a backend that nobody knows', async () => {
    await assert.rejects(stage('odd', 'sql'), /ORDINAL_DURABLE_BACKEND is "sql"; it can be storage or scheduler/);
  });
});

interface Hook {
  subscription(of: object): Record<
    'topicName' | 'name' | 'endpoint' | 'subjectBeginsWith' | 'subjectEndsWith',
    string
  > & {
    apisLeftOut: string[];
  };
  subscriptionName(pipeline: string): string;
  stale(names: string[], pipelines: object[]): string[];
}
const hook = async () => (await import(path.join(root, 'infra/hooks/subscribe.mjs'))) as Hook;

describe('subscriptions', () => {
  it('have a name for each pipeline, whatever its own', async () => {
    const { subscriptionName } = await hook();
    assert.equal(subscriptionName('flights'), 'arrive-flights');
    const odd = ['a_b', 'a-b', 'a__b', 'x'.repeat(63), `${'x'.repeat(62)}y`];
    const names = odd.map(subscriptionName);
    assert.equal(new Set(names).size, odd.length);
    for (const name of names) assert.match(name, /^[a-z0-9-]{3,64}$/);
  });

  it('of pipelines that arrivals no longer start go, and no others', async () => {
    const { stale } = await hook();
    const found = ['arrive-flights', 'arrive-sales', 'arrive-gone', 'somebody-elses'];
    const shown = [{ name: 'flights', arrival: { on: 'blob' } }, { name: 'sales' }];
    assert.deepEqual(stale(found, shown), ['arrive-sales', 'arrive-gone']);
  });

  it("see a pipeline's source, and none of its outputs", async () => {
    const { subscription } = await hook();
    const template = await text('infra/subscription.bicep');
    for (const pipeline of pipelines.values()) {
      const given = { appUrl: 'https://a', key: 'k/=', topic: 't', deadLetterAccount: '/s', deadLetterContainer: 'd' };
      const values = subscription({ pipeline: { ...pipeline, arrival: { on: 'blob' } }, ...given });
      const declared = [...template.matchAll(/^param (\w+) /gm)].map(([, name]) => name);
      assert.deepEqual(Object.keys(values).sort(), declared.sort());
      // A file of a Data Lake is made empty first; a marker may stay so.
      assert.deepEqual(values.apisLeftOut, ['CreateFile']);
      const sees = (container: string, name: string) => {
        const subject = `/blobServices/default/containers/${container}/blobs/${name}`;
        return subject.startsWith(values.subjectBeginsWith!) && subject.endsWith(values.subjectEndsWith!);
      };
      assert.ok(sees(pipeline.source.container, `${pipeline.source.prefix}2001/a.parquet`));
      for (const other of pipelines.values()) {
        assert.ok(!sees(other.output.container, `${other.output.prefix}flights/run-00000.parquet`));
      }
      assert.ok(!sees('ordinal', 'runs/x/split/000000.bin'));
      const [door] = arrivalDoors({
        config: parseConfig({ AzureWebJobsStorage: 'x', ORDINAL_ARRIVAL: `${pipeline.name}=blob` }),
        pipelines,
      });
      const { searchParams } = new URL(values.endpoint!);
      assert.equal(searchParams.get('functionName'), `Host.Functions.${door!.functionName}`);
      assert.equal(searchParams.get('code'), 'k/=');
      const marked = subscription({ pipeline: { ...pipeline, arrival: { on: 'marker', name: '_DONE' } }, ...given });
      assert.equal(marked.subjectEndsWith, '_DONE');
      assert.deepEqual(marked.apisLeftOut, []);
    }
  });
});
