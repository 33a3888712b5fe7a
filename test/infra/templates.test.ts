/** The templates compile, where a compiler is, make by each option what it says, and give the app what it relies on. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, it } from 'vitest';
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

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (name: string) => readFile(path.join(root, name), 'utf8');

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
