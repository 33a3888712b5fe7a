/** Loaded in front of a command: at its end it writes which modules were loaded and the CPU time, as one line of JSON. */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const loaded: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});
process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  writeFileSync(process.env.LOADED_FILE!, JSON.stringify({ loaded, cpuMs: (user + system) / 1000 }));
});
