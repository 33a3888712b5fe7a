/**
 * The command `dev`: `try`, again at each save of a pipeline or of the files. Each time it starts a process of its own, so
 * that the modules are those on the disk. It ends with Ctrl-C.
 */
import { spawn } from 'node:child_process';
import { existsSync, statSync, watch } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineCommand, UsageError } from '../command.ts';

/** Editors write a file in several steps. */
const settleMs = 60;

export const devCommand = defineCommand({
  name: 'dev',
  summary: 'Try a pipeline again at each save: of its module, or of the Parquet files',
  needs: [],
  details: 'It watches pipelines/, the files, and what --watch names. Ctrl-C ends it.',
  examples: [['dev sales ./samples', 'edit pipelines/sales.ts beside it']],
  configure: (command) =>
    command
      .argument('<pipeline>', 'its name')
      .argument('<path>', 'a Parquet file, or a folder of some')
      .option('--rows <n>', 'rows to show of each entity')
      .option('--watch <folder...>', 'further folders whose changes count'),
  work: async (given, { rows, watch: more = [] }, name, source) => {
    const folders = ['pipelines', ...more, source];
    for (const each of folders) {
      if (!existsSync(each))
        throw new UsageError(`there is no "${each}" here. Run the command in the folder of an app.`);
    }
    const main = fileURLToPath(new URL(`../main${path.extname(import.meta.url)}`, import.meta.url));
    let child: ReturnType<typeof spawn> | undefined;
    const again = () => {
      child?.kill();
      if (process.stdout.isTTY) process.stdout.write('\u001b[2J\u001b[H');
      const args = [main, 'try', name, source, ...(rows === undefined ? [] : ['--rows', rows])];
      child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
      child.once('exit', (code) => {
        if (code !== null)
          process.stdout.write(
            `\n${new Date().toTimeString().slice(0, 8)} waiting for changes in ${folders.join(', ')}\n`,
          );
      });
    };
    let timer: NodeJS.Timeout | undefined;
    const watchers = folders.map((each) => {
      // A file is seen through its folder: many programs write a new one and put it in the place of the old one.
      const only = statSync(each).isFile() ? path.basename(each) : undefined;
      return watch(
        only === undefined ? each : path.dirname(each),
        { recursive: only === undefined },
        (_event, name) => {
          if (only !== undefined && name !== only) return;
          clearTimeout(timer);
          timer = setTimeout(again, settleMs);
        },
      );
    });
    again();
    await new Promise((resolve) => given.signal.addEventListener('abort', resolve, { once: true }));
    clearTimeout(timer);
    for (const each of watchers) each.close();
    child?.kill();
    return { show: [], value: null };
  },
});
