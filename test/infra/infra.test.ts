/** What is deployed: the package runs, the templates compile (where a compiler is) and say what the app relies on. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startHost } from '../../local/start-host.ts';
import { pipelines } from '../../pipelines/index.ts';
import { arrivalDoors } from '../../src/arrival/blob-triggers.ts';
import { parseConfig } from '../../src/environment/config.ts';
import {
  type Compilation,
  type Compiled,
  compile,
  describeCompiled,
  findCompiler,
  hashSources,
  type Predicted,
  recordFile,
} from '../../tools/bicep.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (name: string) => readFile(path.join(root, name), 'utf8');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ordinal-infra-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Days after which blobs are deleted, by prefix. */
function expiries(made: readonly Predicted[]): Map<string, number> {
  interface Rule {
    definition: {
      filters: { prefixMatch: string[] };
      actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: number } } };
    };
  }
  const rules = made
    .filter(({ type }) => type === 'Microsoft.Storage/storageAccounts/managementPolicies')
    .flatMap(({ properties }) => (properties as { policy: { rules: Rule[] } }).policy.rules);
  return new Map(
    rules
      .map(({ definition: { filters, actions } }) => {
        const [prefix = ''] = filters.prefixMatch;
        return [prefix, actions.baseBlob.delete.daysAfterModificationGreaterThan] as const;
      })
      .sort(),
  );
}

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

describe('the templates', async () => {
  const recorded = JSON.parse(await readFile(recordFile, 'utf8')) as Compiled;
  const compiler = findCompiler();
  // Where no compiler can be had, the record is all there is: it was written by a clean compilation of these sources.
  let compiled: Compilation | undefined;
  beforeAll(async () => {
    if (compiler !== undefined) compiled = await compile(compiler);
  }, 600_000);

  it('are those that were compiled last, without a warning', async () => {
    const mend = 'The templates were not compiled since they changed. Run: npm run bicep';
    assert.equal(await hashSources(), recorded.sources, mend);
    if (compiled === undefined) return;
    assert.match(compiled.templates['main.bicep']!, /FlexConsumption/);
    const now = await describeCompiled(compiled);
    // Another version of the compiler may write the same template in other words.
    if (now.compiler === recorded.compiler) assert.deepEqual(now, recorded, mend);
    assert.deepEqual(now.options, recorded.options);
  });

  it('make by each option what it says, and nothing of it without', () => {
    const { plain = {}, all = {}, ...options } = recorded.options;
    const added = Object.entries(options).map(([name, counts]) => {
      const more = Object.keys(counts).filter((type) => counts[type] !== plain[type]);
      return [name, Object.fromEntries(more.map((type) => [type.replace('Microsoft.', ''), counts[type]]))] as const;
    });
    const endpoints = (count: number, zones: number) => ({
      'Network/privateDnsZones': zones,
      'Network/privateDnsZones/virtualNetworkLinks': zones,
      'Network/privateEndpoints': count,
      'Network/privateEndpoints/privateDnsZoneGroups': count,
      'Network/virtualNetworks': 1,
    });
    assert.deepEqual(Object.fromEntries(added), {
      lake: {},
      operated: {
        'Insights/actionGroups': 1,
        'Insights/scheduledQueryRules': 4,
        'Storage/storageAccounts/managementPolicies': 2,
      },
      // Blobs, queues and tables of the hub, blobs and queues of the data.
      private: endpoints(5, 3),
      scheduler: {
        'Authorization/roleAssignments': 9,
        'DurableTask/schedulers': 1,
        'DurableTask/schedulers/retentionPolicies': 1,
        'DurableTask/schedulers/taskHubs': 1,
      },
    });
    // The scheduler's and the Data Lake's endpoints come with those options.
    const { 'Network/privateEndpoints': five } = endpoints(5, 3);
    assert.equal(all['Microsoft.Network/privateEndpoints'], five + 2);
    assert.equal(all['Microsoft.Network/privateDnsZones'], 5);
  });

  it('give each option to what it is for', () => {
    if (compiled === undefined) return;
    const one = (option: string, type: string, part = '') => {
      const found = compiled!.options[option]!.filter((each) => each.type === type && each.name.includes(part));
      assert.equal(found.length, 1, `${option}: ${type} ${part}`);
      return found[0]!.properties!;
    };
    const account = 'Microsoft.Storage/storageAccounts';
    const data = (option: string) => one(option, account, "'{0}data{1}'");
    assert.deepEqual([data('plain').isHnsEnabled, data('lake').isHnsEnabled], [false, true]);
    assert.equal(one('lake', account, "'{0}hub{1}'").isHnsEnabled, false);
    const open = { defaultAction: 'Allow', bypass: 'AzureServices', ipRules: [] };
    const allowed = ['203.0.113.7', '198.51.100.0/24'].map((value) => ({ action: 'Allow', value }));
    assert.deepEqual(data('plain').networkAcls, open);
    assert.deepEqual(data('private').networkAcls, { ...open, defaultAction: 'Deny', ipRules: allowed });

    const deleted = (option: string) => {
      const services = compiled!.options[option]!.filter(({ type }) => type === `${account}/blobServices`);
      return services.map(({ properties }) => properties!.deleteRetentionPolicy);
    };
    assert.deepEqual(deleted('plain'), [{ enabled: false }, { enabled: false }]);
    assert.deepEqual(deleted('operated'), Array(2).fill({ enabled: true, days: 14 }));

    const site = 'Microsoft.Web/sites';
    const scale = (option: string) =>
      (one(option, site).functionAppConfig as { scaleAndConcurrency: { alwaysReady: object[] } }).scaleAndConcurrency;
    assert.deepEqual(scale('plain').alwaysReady, []);
    assert.deepEqual(scale('operated').alwaysReady, [
      { name: 'durable', instanceCount: 2 },
      { name: 'http', instanceCount: 1 },
    ]);
    assert.ok(!one('plain', site).virtualNetworkSubnetId);
    assert.match(String(one('private', site).virtualNetworkSubnetId), /appSubnetId/);

    const scheduler = (option: string) => one(option, 'Microsoft.DurableTask/schedulers');
    assert.deepEqual(scheduler('scheduler'), {
      sku: { name: 'Consumption' },
      publicNetworkAccess: 'Enabled',
      ipAllowlist: ['0.0.0.0/0'],
    });
    assert.equal(scheduler('all').publicNetworkAccess, 'Disabled');
    // Its SKU keeps nothing longer than thirty days, whatever is asked for.
    assert.deepEqual(one('all', 'Microsoft.DurableTask/schedulers/retentionPolicies').retentionPolicies, [
      { retentionPeriodInDays: 30 },
    ]);
    assert.deepEqual(
      expiries(compiled.options.operated!),
      new Map([
        ['dead-letters/', 30],
        ['landing/', 180],
      ]),
    );
    assert.deepEqual(expiries(compiled.options.all!), new Map([['landing/', 30]]));
    assert.equal(one('operated', 'Microsoft.OperationalInsights/workspaces').retentionInDays, 90);
    const mails = one('operated', 'Microsoft.Insights/actionGroups').emailReceivers as { emailAddress: string }[];
    assert.deepEqual(
      mails.map(({ emailAddress }) => emailAddress),
      ['operators@example.com', 'duty@example.com'],
    );
  });

  it('ask by alerts what is in queries/, and no two alike', async () => {
    const alerts = await text('infra/app/alerts.bicep');
    const asked = [...alerts.matchAll(/loadTextContent\('\.\.\/\.\.\/queries\/([^']+)'\)/g)].map(([, name]) => name!);
    const there = (await readdir(path.join(root, 'queries'))).filter((name) => name.startsWith('alert-'));
    assert.deepEqual(asked.sort(), there.sort());
  });

  it('know every setting that azd can give them', async () => {
    const { parameters } = JSON.parse(await text('infra/main.parameters.json')) as { parameters: object };
    const main = await text('infra/main.bicep');
    const declared = [...main.matchAll(/^param (\w+) /gm)].map(([, name]) => name);
    assert.deepEqual(
      Object.keys(parameters).filter((name) => !declared.includes(name)),
      [],
    );
  });

  it('use modules that are there, with all their parameters', async () => {
    for (const file of ['main.bicep', 'resources.bicep']) {
      const source = await text(`infra/${file}`);
      const modules = [...source.matchAll(/module \w+ '(\.\/[^']+)' = \{(.*?)\n\}/gs)];
      assert.ok(modules.length > 0, file);
      for (const [, name, body] of modules) {
        const module = await text(path.join('infra', name!));
        const declared = [...module.matchAll(/^param (\w+) (?:\{[^}]*\}|\w+)(?:\[\])?( =)?/gm)];
        const given = [...body!.slice(body!.indexOf('params: {')).matchAll(/^ {4}(\w+): /gm)].map(([, each]) => each);
        const needed = declared.filter(([, , value]) => value === undefined).map(([, each]) => each);
        assert.deepEqual(
          needed.filter((each) => !given.includes(each)),
          [],
          `${file} → ${name}`,
        );
        assert.deepEqual(
          given.filter((each) => !declared.some(([, known]) => known === each)),
          [],
          `${file} → ${name}`,
        );
      }
    }
  });

  it('give the app settings that it knows, and no secret', async () => {
    const source = await text('infra/app/function.bicep');
    const settings = [
      ...source.slice(source.indexOf('var settings'), source.indexOf('resource plan')).matchAll(/^ {2}(\w+): /gm),
    ].map(([, name]) => name!);
    const blobs = {
      ORDINAL_STORAGE__blobServiceUri: 'https://data.blob.core.windows.net',
      ORDINAL_STORAGE__clientId: 'id',
    };
    assert.ok(Object.keys(blobs).every((name) => settings.includes(name)));
    assert.deepEqual(parseConfig({ ...blobs, ORDINAL_ARRIVAL: '' }).storage, {
      blobServiceUri: blobs.ORDINAL_STORAGE__blobServiceUri,
      clientId: 'id',
    });
    const known = await text('src/environment/config.ts');
    for (const name of settings.filter((each) => each.startsWith('ORDINAL_') && !each.includes('__'))) {
      assert.ok(known.includes(`  ${name}: `), name);
    }
    for (const file of await readdir(path.join(root, 'infra/app'))) {
      assert.doesNotMatch(await text(`infra/app/${file}`), /listKeys|AccountKey|allowSharedKeyAccess: true/, file);
    }
  });

  it('give the identity every role that durable storage and the blob trigger need', async () => {
    const roles = await text('infra/app/rbac.bicep');
    assert.match(roles, /hubRoles = \[blobDataOwner, queueDataContributor, tableDataContributor\]/);
    assert.match(roles, /dataRoles = \[blobDataOwner, queueDataContributor\]/);
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
