/**
 * What `registerOrdinal` refuses at start-up, each with what to do, and what it registers. In one process, with the real
 * SDKs: the model's own registry is the harness's.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'vitest';
import { core } from '../../packages/local-host/test/harness.ts';
import { registerOrdinal } from '../../src/app.ts';
import { OrdinalError } from '../../src/errors.ts';
import { checkPeers, nodeLeast, peers } from '../../src/peers.ts';

const { default: flights } = await import('../../pipelines/flights.ts');

/** The two lines that the host prints of a refusal. */
function said(work: () => void): string {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof OrdinalError, String(thrown));
    return thrown.stack ?? '';
  }
  return assert.fail('nothing was refused');
}

// What a JavaScript user may give.
const register = registerOrdinal as (options?: unknown) => void;

describe('registerOrdinal', () => {
  it('refuses to start without pipelines, and says what to give', () => {
    for (const nothing of [undefined, {}, { pipelines: [] }, { pipelines: new Map() }, { pipelines: 'flights' }]) {
      assert.equal(
        said(() => register(nothing)),
        'InvalidPipeline: registerOrdinal was given no pipelines\n' +
          'Give it a list of what pipeline() made: registerOrdinal({ pipelines: [flights] }).',
      );
    }
  });

  it('refuses two pipelines of one name', () => {
    assert.match(
      said(() => registerOrdinal({ pipelines: [flights, flights] })),
      /two pipelines are named 'flights'\nRename one\.$/,
    );
  });

  it('refuses settings that are none, and those that the host must know too', () => {
    const pipelines = [flights];
    assert.equal(
      said(() => registerOrdinal({ pipelines, settings: { ORDINAL_BATCHROWS: 1 } })),
      "InvalidSettings: setting ORDINAL_BATCHROWS is not a setting\nUse 'ORDINAL_BATCH_ROWS', if that is what you mean.",
    );
    assert.equal(
      said(() => registerOrdinal({ pipelines, settings: { ORDINAL_STORAGE: 'x' } })),
      'InvalidSettings: setting ORDINAL_STORAGE cannot be given in code\n' +
        'Give it as an app setting, or in local.settings.json.',
    );
  });

  it('registers every function once, and refuses a second call', () => {
    const before = core.functions.size;
    registerOrdinal({ pipelines: [flights], settings: { ORDINAL_SWEEP_SCHEDULE: '0 0 3 * * *' } });
    const found = [...core.functions.values()].slice(before).map(({ metadata }) => metadata);
    const kinds = new Set(found.flatMap(({ bindings }) => Object.values(bindings).map(({ type }) => type)));
    for (const kind of ['httpTrigger', 'orchestrationTrigger', 'activityTrigger', 'entityTrigger', 'timerTrigger']) {
      assert.ok(kinds.has(kind), kind);
    }
    const timer = found.flatMap(({ bindings }) => Object.values(bindings)).find(({ type }) => type === 'timerTrigger');
    assert.equal((timer as { schedule?: string }).schedule, '0 0 3 * * *');
    assert.match(
      said(() => registerOrdinal({ pipelines: [flights] })),
      /called twice\nGive all/,
    );
  });
});

describe('peer dependencies', () => {
  /** A module in a folder where packages have these versions. */
  async function moduleWith(versions: Record<string, string>, work: (module: string) => void): Promise<void> {
    const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-peers-'));
    try {
      for (const [name, version] of Object.entries(versions)) {
        const at = path.join(folder, 'node_modules', name, 'lib');
        await mkdir(at, { recursive: true });
        await writeFile(path.join(at, 'index.js'), '');
        await writeFile(path.join(at, '../package.json'), JSON.stringify({ name, version, main: 'lib/index.js' }));
      }
      work(path.join(folder, 'app.js'));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  it('of the versions that are known are taken', async () => {
    checkPeers(import.meta.url);
    await moduleWith({ ...peers }, (module) => checkPeers(module));
    await moduleWith({ zod: '4.99.0', 'durable-functions': '3.6.1' }, (module) => checkPeers(module, '24.0.0'));
  });

  it('count Node among them', () => {
    for (const version of ['20.20.2', '22.14.0']) {
      assert.equal(
        said(() => checkPeers(import.meta.url, version)),
        `InvalidSettings: Node ${version} runs this, and Ordinal needs 22.15.0 or later\nUse Node 24, or the newest 22.`,
      );
    }
    checkPeers(import.meta.url, '22.15.0');
  });

  it('are those of the package', async () => {
    const manifest = JSON.parse(
      await readFile(new URL('../../packages/ordinal/package.json', import.meta.url), 'utf8'),
    );
    const { peerDependencies, engines } = manifest as { peerDependencies: object; engines: { node: string } };
    assert.deepEqual(
      peerDependencies,
      Object.fromEntries(Object.entries(peers).map(([name, least]) => [name, `^${least}`])),
    );
    assert.equal(engines.node, `>=${nodeLeast.replace(/\.0$/, '')}`);
  });

  it('of other versions are refused by name, with what to install', async () => {
    for (const [name, version] of [
      ['zod', '3.25.76'],
      ['zod', '4.0.0'],
      ['durable-functions', '4.0.0-alpha.1'],
      ['durable-functions', '2.1.3'],
      ['@azure/functions', '5.0.0'],
    ] as const) {
      await moduleWith({ ...peers, [name]: version }, (module) => {
        assert.equal(
          said(() => checkPeers(module)),
          `InvalidSettings: ${name} ${version} is installed, and Ordinal needs ^${peers[name]}\n` +
            `Run npm install ${name}@^${peers[name]}, then npm ls ${name} to see that there is one version only.`,
        );
      });
    }
  });
});
