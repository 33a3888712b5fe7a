/** Which pipelines arrivals start: as their definitions say, and as the environment's setting replaces it. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import flights from '../../pipelines/flights.ts';
import sales from '../../pipelines/sales.ts';
import { arrivalDoors } from '../../src/arrival/blob-triggers.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { registerPipelines } from '../../src/pipeline/index.ts';

const quiet = { on: 'quiet', seconds: 30, waitSecondsMax: 3600 } as const;
const pipelines = registerPipelines([{ ...flights, arrival: { on: 'quiet', seconds: 30 } }, sales]);

function doors(setting?: string, more: Record<string, string> = {}) {
  const arrival = setting !== undefined && { ORDINAL_ARRIVAL: setting };
  const config = parseConfig({ AzureWebJobsStorage: 'x', ...arrival, ...more });
  return Object.fromEntries(arrivalDoors({ config, pipelines }).map((door) => [door.functionName, door]));
}

describe('arrivals', () => {
  it('are as the definition says', () => {
    const found = doors();
    assert.deepEqual(Object.keys(found), ['arrive-flights']);
    const door = found['arrive-flights'];
    assert.deepEqual([door?.path, door?.mode], ['landing/flights/{name}', quiet]);
  });

  it('are as the setting says, where it says something', () => {
    const found = doors('flights=marker');
    assert.deepEqual(found['arrive-flights']?.mode, { on: 'marker', name: '_SUCCESS' });
    assert.deepEqual(Object.keys(doors('sales=blob')), ['arrive-flights', 'arrive-sales']);
    assert.deepEqual(Object.keys(doors('sales=blob,flights=never')), ['arrive-sales']);
    assert.deepEqual(doors('flights=never'), {});
    // A setting that is there and empty says nothing.
    assert.deepEqual(Object.keys(doors('')), ['arrive-flights']);
  });

  it('are refused for what does not exist, and where they would start themselves', () => {
    assert.throws(() => doors('flight=blob'), {
      code: 'InvalidSettings',
      message: /no pipeline "flight"; there are: flights, sales/,
    });
    assert.throws(() => doors('constructor=blob'), { code: 'InvalidSettings' });
    assert.throws(() => doors(undefined, { ORDINAL_WORK_CONTAINER: 'landing' }), {
      code: 'InvalidPipeline',
      message: /pipeline flights: .*work container/,
    });
    assert.doesNotThrow(() => doors('flights=never', { ORDINAL_WORK_CONTAINER: 'landing' }));
  });
});
