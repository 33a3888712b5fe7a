/**
 * The operator's command, `npm run ordinal -- COMMAND`: it looks after runs, sequences and key indexes. It reads the
 * storage that the app's settings name: the environment first, then `local.settings.json`. What only an orchestration
 * may do goes through the host's durable HTTP API.
 */
import { CommanderError } from 'commander';
import { openEnvironment } from '../src/environment/environment.ts';
import { OrdinalError, toErrorValue } from '../src/errors.ts';
import { buildProgram } from './commands.ts';
import { Host } from './host.ts';
import { readSettings } from './settings.ts';

const program = buildProgram(async (options, work) => {
  // Not before: a pipeline that is refused is then an error like others, said in two lines.
  const { pipelines } = await import('../pipelines/index.ts');
  const settings = await readSettings(process.env);
  const host = new Host(
    options.host ?? settings.ORDINAL_HOST ?? 'http://localhost:7071',
    options.code ?? settings.ORDINAL_HOST_CODE,
  );
  const { lines, value, ok } = await work({ environment: openEnvironment(settings, pipelines), host });
  if (options.json) console.log(JSON.stringify(value, null, 2));
  else for (const line of lines) console.log(line);
  if (ok === false) process.exitCode = 1;
});

try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) {
    // Commander has said what is wrong, or shown its help.
    process.exitCode = thrown.exitCode === 0 ? 0 : 2;
  } else {
    const { code, message, remedy } = toErrorValue(thrown);
    console.error(thrown instanceof OrdinalError ? `${code}: ${message}` : message);
    if (remedy) console.error(remedy);
    process.exitCode = 1;
  }
}
