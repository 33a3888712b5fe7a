/**
 * How the monitor page is built: one script, one style sheet, one icon and `index.html`, with relative addresses, into
 * `dist/`, beside the code that serves them. `npm run build` calls it.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at('src/monitor/page'),
  base: './',
  logLevel: 'warn',
  plugins: [
    {
      name: 'below-monitor',
      enforce: 'post',
      // The page's own address is `/api/monitor`, without a slash at its end.
      generateBundle(_, bundle) {
        for (const file of Object.values(bundle)) {
          if (file.type !== 'asset' || !file.fileName.endsWith('.html')) continue;
          file.source = String(file.source).replaceAll('="./', '="monitor/').replaceAll(' crossorigin', '');
        }
      },
    },
  ],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: at('dist/src/monitor/static'),
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows no `data:` addresses but those that it names.
    assetsInlineLimit: 0,
    assetsDir: '.',
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
