import test from 'ava';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { LeadlineError } from '#schemas/errors.ts';
import { readAlertConfig, readAlertSection, readRulesFile } from '#schemas/rules.ts';

const folder = mkdtempSync(join(tmpdir(), 'leadline-rules-'));
test.after.always(() => rmSync(folder, { recursive: true }));

function section(yaml: string, environment: Record<string, string> = {}) {
  const lineCounter = new LineCounter();
  return readAlertSection(parseDocument(yaml, { lineCounter }), join(folder, 'leadline.yaml'), lineCounter, environment);
}

/** The lines of the error, without the folder. */
function problems(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof LeadlineError && error.code === 'BAD_RULES') return error.message.replaceAll(`${folder}/`, '').split('\n');
    throw error;
  }
  return [];
}

test('a rule and a target are read as written, with what is left out filled in', t => {
  writeFileSync(join(folder, 'token'), 'Bearer secret\n');
  const config = section(`
alerts:
  rules:
    - { name: payment-errors, type: threshold, query: level>=error, by: [service, pod], count: 5, windowMs: 60000, notify: [ops] }
    - { name: any, type: threshold, count: 1, windowMs: 1000 }
  targets:
    ops: { type: webhook, url: "https://hooks.example/\${TOKEN}", headers: { Authorization: { fileOf: token }, X-Team: payments } }
`, { TOKEN: 't0k3n' });
  t.deepEqual(config, {
    rules: [
      { name: 'payment-errors', type: 'threshold', query: 'level>=error', by: ['service', 'pod'], count: 5, windowMs: 60_000, notify: ['ops'] },
      { name: 'any', type: 'threshold', query: 'level>=error or exceptionType:*', by: ['service'], count: 1, windowMs: 1000, notify: [] },
    ],
    targets: [{ name: 'ops', type: 'webhook', url: 'https://hooks.example/t0k3n', headers: { authorization: 'Bearer secret', 'x-team': 'payments' } }],
  });
});

test('no alerts section means no rules and no targets', t => {
  t.deepEqual(section('dataDir: ./x\n'), { rules: [], targets: [] });
  t.deepEqual(section('alerts:\n'), { rules: [], targets: [] });
});

test('every mistake is reported at once, with its place and what to write', t => {
  const found = problems(() => section(`alerts:
  rules:
    - name: a
      type: threshold
      count: 5
      windowMs: 0
    - name: a
      type: threshold
      count: 2.5
      windowMs: 60000
      notify: opps
    - name: b
      typ: threshold
    - name: c
      type: ratio
    - name: d
      type: threshold
      query: "level>=error ("
      count: 99999
    - just text
  targets:
    ops: { type: webhook, url: ftp://x }
    mail: { type: email, url: https://ok.example, headers: { "bad name": x } }
    env: { type: webhook, url: "https://ok.example/\${NOT_SET}" }
    file: { type: webhook, url: { fileOf: absent } }
    empty: { type: webhook }
  silences: []
`));
  const has = (start: string, ...parts: string[]): void => {
    const line = found.find(problem => problem.startsWith(start) && parts.every(part => problem.includes(part)));
    t.truthy(line, `${start} ${parts.join(' ')}\nin\n${found.join('\n')}`);
  };
  has('leadline.yaml:6:17 alerts.rules[0].windowMs: 0 is out of range; write a number of milliseconds from 1000 to 86400000');
  has('leadline.yaml:7:13 alerts.rules[1].name: "a" is the name of alerts.rules[0] too');
  has('leadline.yaml:9:14 alerts.rules[1].count: 2.5 is not a whole number; write a number of events from 1 to 10000');
  has('leadline.yaml:11:15 alerts.rules[1].notify: there is no target "opps"', 'did you mean ops?', 'write one of ops, mail, env, file, empty');
  has('leadline.yaml:13:7 alerts.rules[2].typ: is not known, did you mean type?; write one of name, type, query, by, count, windowMs, notify');
  has('leadline.yaml:12:7 alerts.rules[2].type: is left out, which means burst', 'write type: threshold');
  has('leadline.yaml:15:13 alerts.rules[3].type: this version has no ratio rules; write type: threshold, with count and windowMs');
  has('leadline.yaml:18:14 alerts.rules[4].query: column');
  has('leadline.yaml:19:14 alerts.rules[4].count: 99999 is out of range');
  has('leadline.yaml:16:7 alerts.rules[4].windowMs: is missing; write a number of milliseconds');
  has('leadline.yaml:20:7 alerts.rules[5]: is not a set of names and values; write a rule');
  has('leadline.yaml:22:32 alerts.targets.ops.url: is not an http or https address');
  has('leadline.yaml:23:19 alerts.targets.mail.type: this version has no "email" targets; write type: webhook');
  has('leadline.yaml:23:62 alerts.targets.mail.headers.bad name: is not the name of a header');
  has('leadline.yaml:24:32 alerts.targets.env.url: the environment has no NOT_SET; set NOT_SET');
  has('leadline.yaml:25:33 alerts.targets.file.url.fileOf: absent cannot be read (ENOENT)');
  has('leadline.yaml:26:12 alerts.targets.empty.url: is missing; write url: https://...');
  has('leadline.yaml:27:3 alerts.silences: is not in this version; take it out');
  t.is(found.length, 18, found.join('\n'));
  t.deepEqual(found.map(problem => Number(problem.split(':')[1])), found.map(problem => Number(problem.split(':')[1])).sort((a, b) => a - b));
});

test('a name that two rules share is reported with the first that has it', t => {
  t.deepEqual(problems(() => readAlertConfig({ rules: [1, 2].map(() => ({ name: 'same', type: 'threshold', count: 1, windowMs: 1000 })) }, () => 'here')), [
    'here rules[1].name: "same" is the name of rules[0] too; write another name; it stands for the rule in alerts',
  ]);
});

test('a query with a pipe is no rule', t => {
  t.regex(problems(() => readAlertConfig({ rules: [{ name: 'x', type: 'threshold', query: 'a | limit 5', count: 1, windowMs: 1000 }] }, () => 'here'))[0]!, /^here rules\[0\]\.query: has a pipe; take out/);
});

test('the value of a secret never stands in a message', t => {
  const found = problems(() => section('alerts: { targets: { ops: { type: webhook, url: "${URL}" } } }\n', { URL: 'not-an-address-s3cret' }));
  t.is(found.length, 1);
  t.notRegex(found[0]!, /s3cret/);
});

test('a rules file has rules at its top, and its targets may be declared elsewhere', async t => {
  const path = join(folder, 'rules.yaml');
  writeFileSync(path, 'rules:\n  - { name: a, type: threshold, count: 5, windowMs: 60000, notify: [ops] }\n');
  t.is((await readRulesFile(path)).rules[0]!.name, 'a');
  writeFileSync(path, 'rules:\n  - { name: a, type: threshold, count: 5, windowMs: 60000, notify: [ops] }\ntargets: {}\n');
  await t.throwsAsync(readRulesFile(path), { message: /rules\.yaml:2:\d+ rules\[0\]\.notify: there is no target "ops"; declare it: targets/ });
});

test('a file that is not YAML, or not there, is said with its place', async t => {
  const path = join(folder, 'broken.yaml');
  writeFileSync(path, 'rules:\n  - { name: a\n');
  await t.throwsAsync(readRulesFile(path), { message: /broken\.yaml:\d+:\d+ / });
  await t.throwsAsync(readRulesFile(join(folder, 'none.yaml')), { message: /none\.yaml: there is no such file/ });
  writeFileSync(path, '');
  await t.throwsAsync(readRulesFile(path), { message: /rules file: is empty; write rules:/ });
});
