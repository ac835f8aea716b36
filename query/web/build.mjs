/**
 * Bundles the page into `dist/`: index.html, app.js, app.css, icon.svg. The server gives index.html for every view's address and the rest
 * under `/assets/`. Runs by `node query/web/build.mjs` too.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

export async function buildPage({ outDir = join(here, 'dist') } = {}) {
  await mkdir(outDir, { recursive: true });
  await Promise.all([
    build({
      entryPoints: [{ in: join(here, 'app.tsx'), out: 'app' }, { in: join(here, 'app.css'), out: 'app' }],
      outdir: outDir,
      bundle: true,
      minify: true,
      format: 'esm',
      target: ['es2022'],
      jsx: 'automatic',
      jsxImportSource: 'preact',
      legalComments: 'none',
      logLevel: 'warning',
    }),
    copyFile(join(here, 'index.html'), join(outDir, 'index.html')),
    copyFile(join(here, 'icon.svg'), join(outDir, 'icon.svg')),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage();
