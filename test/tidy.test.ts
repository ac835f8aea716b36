/** The repository's own rules: which part may know which, nothing unused, nothing that drifted from the catalogues. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { errorCatalogue } from '#schemas/errors.ts';
import { flagOf, optionNames } from '#schemas/options.ts';
import { metricsPage } from '../deploy/metrics-page.ts';
import { topicsPage } from '../deploy/topic-page.ts';
import { optionsPage } from '../deploy/write-docs.ts';

const root = join(import.meta.dirname, '..');
const partNames = ['shipper', 'collector', 'query', 'schemas', 'lib', 'deploy', 'test'] as const;
type Part = (typeof partNames)[number];

/** Which parts a part may import from. `query/web` is the page: it runs in a browser and knows types of others only. */
const mayImport: Record<Part, readonly Part[]> = {
  lib: ['lib'],
  schemas: ['schemas', 'lib'],
  shipper: ['shipper', 'schemas', 'lib'],
  collector: ['collector', 'schemas', 'lib'],
  query: ['query', 'schemas', 'lib'],
  deploy: ['deploy', 'shipper', 'collector', 'query', 'schemas', 'lib'],
  test: partNames,
};
const sourceLinesMax = 400;
/** Longer for now. A file leaves the list when it is split; none joins it. */
const longerFiles: readonly string[] = ['shipper/ingest-session.ts', 'shipper/stream-directory.ts'];
const isSource = (path: string): boolean => /\.(?:ts|tsx)$/.test(path);

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' || entry.name === 'fixtures' ? [] : filesBelow(path);
    return [path];
  });
}

const files = partNames.filter(part => existsSync(join(root, part))).flatMap(filesBelow);
const sources = [...files.filter(isSource), 'leadline.ts'];
const textOf = new Map(sources.map(path => [path, readFileSync(join(root, path), 'utf8')]));
const partOf = (path: string): Part | null => partNames.find(part => path.startsWith(`${part}/`)) ?? null;

/** What a file names by path: imports of all forms, threads and children. */
function namedBy(path: string): string[] {
  const text = (textOf.get(path) ?? readFileSync(join(root, path), 'utf8')).split('\n').filter(line => !/^\s*(?:\/?\*|\/\/)/.test(line)).join('\n');
  const named = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'|new URL\('([^']+)', import\.meta\.url\)|import\('([^']+)'\)/g)].map(match => match[1] ?? match[3] ?? join('.', match[2]!).replace(/^(?!\.)/, './'));
  // A child's file: named from its parent's folder, with the parent's suffix where that may be another once built.
  for (const match of text.matchAll(/import\.meta\.dirname, ['`]([\w./-]+)(\$\{extname\(import\.meta\.filename\)\})?['`]/g)) named.push(`./${match[1]!}${match[2] === undefined ? '' : '.ts'}`);
  return named.flatMap(name => {
    if (name.startsWith('#')) return [name.slice(1)];
    return name.startsWith('.') ? [normalize(join(dirname(path), name))] : [];
  });
}

test('imports point one way: test, deploy -> shipper | collector | query -> schemas -> lib', t => {
  const wrong = sources.flatMap(path => {
    const part = partOf(path);
    if (part === null) return [];
    return namedBy(path).flatMap(target => {
      const targetPart = partOf(target);
      return targetPart === null || mayImport[part].includes(targetPart) ? [] : [`${path} imports ${target}`];
    });
  });
  t.deepEqual(wrong, []);
});

test('every import names a file that is there', t => {
  const missing = sources.flatMap(path => namedBy(path).filter(target => isSource(target) && !existsSync(join(root, target))).map(target => `${path} imports ${target}`));
  t.deepEqual(missing, []);
});

test('every source file is reached from the command, the page, a script or a test', t => {
  const scripts = [...readFileSync(join(root, 'package.json'), 'utf8').matchAll(/[\w./-]+\.(?:ts|mjs)/g)].map(match => match[0]);
  const modules = files.filter(path => path.endsWith('.mjs'));
  const named = (path: string): string[] => [...namedBy(path), ...(path.endsWith('.mjs') ? [...readFileSync(join(root, path), 'utf8').matchAll(/[\w./-]+\.tsx?/g)].map(match => normalize(join(dirname(path), match[0]))) : [])];
  const queue = ['leadline.ts', 'deploy/write-docs.ts', ...scripts, ...modules, ...sources.filter(path => path.endsWith('.test.ts') || path.startsWith('test/bench/'))];
  const reached = new Set<string>();
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path) || !existsSync(join(root, path)) || !/\.(?:tsx?|mjs)$/.test(path)) continue;
    reached.add(path);
    queue.push(...named(path));
  }
  t.deepEqual(sources.filter(path => !reached.has(path)), []);
});

test(`no source file is longer than ${sourceLinesMax} lines`, t => {
  const lines = (path: string): number => textOf.get(path)!.split('\n').length - 1;
  t.deepEqual(sources.filter(path => lines(path) > sourceLinesMax && !longerFiles.includes(path)), []);
  t.deepEqual(longerFiles.filter(path => !textOf.has(path) || lines(path) <= sourceLinesMax), [], 'these were split: take them off the list');
});

test('no source file leaves a note to do something later or speaks of where work is planned', t => {
  // Written in pieces, so that this file does not find itself.
  const words = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X\\b', 'issue ' + '#\\d', '/work/' + 'shared'].join('|'));
  const found = [...files.filter(path => /\.(?:tsx?|mjs|md|yaml|yml|css|html)$/.test(path)), 'leadline.ts', 'README.md'].flatMap(path =>
    readFileSync(join(root, path), 'utf8').split('\n').flatMap((line, index) => (words.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
  t.deepEqual(found, []);
});

test('docs/options.md is what the catalogue says, and every option has one row in it', t => {
  const page = readFileSync(join(root, 'docs/options.md'), 'utf8');
  t.is(page, optionsPage(), 'run: node deploy/write-docs.ts');
  const rows = [...page.matchAll(/^\| `(--[a-z-]+)` \|/gm)].map(match => match[1]!);
  t.deepEqual(rows.sort(), optionNames.map(flagOf).sort());
});

test('docs/topics.md and docs/metrics.md are what their catalogues say', t => {
  for (const [page, expected] of [['docs/topics.md', topicsPage()], ['docs/metrics.md', metricsPage()]] as const) t.is(readFileSync(join(root, page), 'utf8'), expected, 'run: node deploy/write-docs.ts');
});

test('every option is used somewhere', t => {
  const others = sources.filter(path => path !== 'schemas/options.ts' && !path.startsWith('test/')).map(path => textOf.get(path)!).join('\n');
  t.deepEqual(optionNames.filter(name => !new RegExp(`\\b${name}\\b`).test(others)), []);
});

test('every error of the catalogue is used somewhere, and none outside it is', t => {
  const codes = Object.keys(errorCatalogue);
  const others = sources.filter(path => path !== 'schemas/errors.ts' && !path.startsWith('test/')).map(path => textOf.get(path)!).join('\n');
  t.deepEqual(codes.filter(code => !others.includes(`'${code}'`)), []);
  const thrown = new Set([...others.matchAll(/new LeadlineError\(\s*'([A-Z_]+)'/g)].map(match => match[1]!));
  t.deepEqual([...thrown].filter(code => !codes.includes(code)), []);
});

test('every file and folder that a page of the docs names is there', t => {
  const pages = ['README.md', ...(existsSync(join(root, 'docs')) ? filesBelow('docs') : []), ...files.filter(path => path.endsWith('README.md'))].filter(path => path.endsWith('.md'));
  const missing = pages.flatMap(page => {
    const text = readFileSync(join(root, page), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(match => normalize(join(dirname(page), match[1]!)));
    // In code: what begins with a part's name, or with docs/, is a path from the root.
    const paths = [...text.matchAll(/`((?:shipper|collector|query|schemas|lib|deploy|test|docs)\/[\w./-]+)`/g)].map(match => match[1]!);
    return [...links, ...paths].filter(path => !existsSync(join(root, path))).map(path => `${page} names ${path}`);
  });
  t.deepEqual(missing, []);
});
