/**
 * `npm run ordinal -- COMMAND`: looks after runs, sequences and key indexes. Reads the storage that the app's settings
 * name (the environment, then `local.settings.json`); what only orchestrations can do goes through the host's durable
 * HTTP API.
 */
import { parseArgs } from 'node:util';
import { pipelines } from '../pipelines/index.ts';
import { openEnvironment } from '../src/environment/environment.ts';
import { OrdinalError, toErrorValue } from '../src/errors.ts';
import { commands, usage } from './commands.ts';
import { Host } from './host.ts';
import { readSettings } from './settings.ts';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: 'string' },
      code: { type: 'string' },
      file: { type: 'string' },
      to: { type: 'string' },
      all: { type: 'boolean', default: false },
      'no-source': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const command = commands.find(({ words }) => words.every((word, i) => positionals[i] === word));
  if (values.help || !command) {
    console.log(usage());
    return values.help || positionals.length === 0 ? 0 : 2;
  }
  const settings = await readSettings(process.env);
  const host = new Host(
    values.host ?? settings.ORDINAL_HOST ?? 'http://localhost:7071',
    values.code ?? settings.ORDINAL_HOST_CODE,
  );
  const environment = openEnvironment(settings, pipelines);
  const { lines, value, ok } = await command.run({
    environment,
    host,
    operands: positionals.slice(command.words.length),
    file: values.file,
    to: values.to,
    all: values.all,
    noSource: values['no-source'],
  });
  if (values.json) console.log(JSON.stringify(value, null, 2));
  else for (const line of lines) console.log(line);
  return ok === false ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const { code, message, remedy } = toErrorValue(thrown);
  console.error(thrown instanceof OrdinalError ? `${code}: ${message}` : message);
  if (remedy) console.error(remedy);
  process.exitCode = 1;
}
