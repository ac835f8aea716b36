import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readConfig } from '../../deploy/config.ts';
import { LeadlineError } from '#schemas/errors.ts';
import { testFolder } from '../helpers/folder.ts';

/** The problems of a file, one a line, with the file's path taken off. */
function problemsOf(t: ExecutionContext, yaml: string, environment: NodeJS.ProcessEnv = {}): string[] {
  const path = join(testFolder(t), 'leadline.yaml');
  writeFileSync(path, yaml);
  const error = t.throws(() => readConfig({}, path, environment), { instanceOf: LeadlineError });
  t.is(error?.code, 'BAD_CONFIG');
  t.is(error?.exitCode, 2);
  return error.message.split('\n').filter(line => line.includes(path)).map(line => line.trim().slice(path.length + 1));
}

test('flags win over the environment, the environment over the file, the file over defaults, and each value says where it is from', t => {
  const path = join(testFolder(t), 'leadline.yaml');
  writeFileSync(path, 'dataDir: /file\nserve:\n  port: 1\n  host: ${WHERE}\nship:\n  pollIntervalMs: 50ms\n  include: ["*.txt"]\ncollect:\n  retentionBytesMax: 2GB\n');
  const { options, origins } = readConfig({ port: '3' }, path, { LEADLINE_PORT: '2', LEADLINE_DATA_DIR: '/environment', WHERE: 'localhost' });
  t.like(options, { port: 3, dataDir: '/environment', host: 'localhost', pollIntervalMs: 50, include: ['*.txt'], retentionBytesMax: 2e9, idlePollIntervalMs: 2000 });
  t.like(origins, { port: '--port', dataDir: 'LEADLINE_DATA_DIR', idlePollIntervalMs: 'default' });
  t.regex(origins.host, /leadline\.yaml:4:\d+: serve\.host$/);
});

test('all mistakes of a file are told at once, each with line, column and what to write instead', t => {
  const problems = problemsOf(
    t,
    `dataDirr: x
ship:
  polIntervalMs: 3
  port: 5
  dataDir: y
  pollIntervalMs: fast
  nothingLikeIt: 1
serve:
  apiKey: \${NOT_SET}
  publicUrl:
    fileOf: ./nowhere
  port: 70000
collect: 5
alerts:
  rules:
    - name: a
      typ: threshold
`,
  );
  const expected = [
    /^1:1: dataDirr is not an option\. Did you mean dataDir\?$/,
    /^3:3: ship\.polIntervalMs is not an option\. Did you mean ship\.pollIntervalMs\?$/,
    /^4:3: ship\.port is not an option\. Move it under serve:$/,
    /^5:3: ship\.dataDir is not an option\. Move it out of the section, to the left edge\.$/,
    /^6:3: ship\.pollIntervalMs: "fast" is not a number\. Write a whole number from 5 to 60000 or a span such as 500ms, 15m, 7d\.$/,
    /^7:3: ship\.nothingLikeIt is not an option\. Known here: to, compression, /,
    /^9:11: \$\{NOT_SET\} is not set in the environment\. Set it, or write the value here\.$/,
    /^11:5: fileOf: \/\S+\/nowhere cannot be read \(ENOENT\)\. The path is relative to this file\.$/,
    /^12:3: serve\.port: 70000 is out of range\. Write a whole number from 0 to 65535\.$/,
    /^13:1: collect must be a map of options\. Write each on a line of its own below it, indented\.$/,
    /^17:7.*alerts\.rules\[0\]\.typ: is not known, did you mean type/,
  ];
  for (const pattern of expected) t.true(problems.some(problem => pattern.test(problem)), `${pattern.source} in\n${problems.join('\n')}`);
});

const yamlMistakes: [name: string, yaml: string, problem: RegExp][] = [
  ['a list for a map', '- a\n', /^1:1: the file must be a map of options/],
  ['a tab', 'ship:\n\tpollIntervalMs: 3\n', /^2:1: a tab indents here\. Write spaces instead\.$/],
  ['a key twice', 'ship:\n  service: a\nship:\n  pod: b\n', /^3:1: this key stands above already/],
  ['a bracket that is not closed', 'ship:\n  include: [a\nserve:\n  port: 1\n', /^3:\d+: .*bracket/],
  ['two keys on a line', 'ship: pollIntervalMs: 3\n', /^1:\d+: two keys stand on one line/],
  ['a quote that is not closed', 'dataDir: "abc\n', /^\d:\d+: .*(quote|Missing)/],
];
for (const [name, yaml, problem] of yamlMistakes) {
  test(`a file that is not YAML, ${name}, is told by line and column`, t => {
    const [first = ''] = problemsOf(t, yaml);
    t.regex(first, problem);
  });
}

test('a configuration file that is not there, or is a folder, is told', t => {
  const folder = testFolder(t);
  t.throws(() => readConfig({}, join(folder, 'nope.yaml'), {}), { message: /nope\.yaml: there is no such configuration file\. Check the spelling, or leave --config out\.$/ });
  t.throws(() => readConfig({}, folder, {}), { message: /: is a folder\. Name the file in it: --config \S+\/leadline\.yaml\.$/ });
});

test('a bad value in a flag or a variable is told under the name it was given by', t => {
  t.throws(() => readConfig({ port: 'abc' }, null, { LEADLINE_POLL_INTERVAL_MS: '1w' }), { message: /LEADLINE_POLL_INTERVAL_MS: "1w" is not a number[^]*--port: "abc" is not a number/ });
  t.throws(() => readConfig({ port: '80.5' }, null, {}), { message: '--port: "80.5" is not a whole number. Write a whole number from 0 to 65535.' });
});

test('a variable that is nearly an option is warned of; one that a cluster sets for a service is not', t => {
  const { warnings } = readConfig({}, null, { LEADLINE_POL_INTERVAL_MS: '3', LEADLINE_SERVICE_HOST: '10.0.0.1', LEADLINE_PORT_4680_TCP_ADDR: '10.0.0.1', LEADLINE_SERVICE: 'cart' });
  t.deepEqual(warnings, ['LEADLINE_POL_INTERVAL_MS in the environment is not an option and changes nothing. Did you mean LEADLINE_POLL_INTERVAL_MS?']);
});

test('brokers stand alone under kafka, or with the other options of Kafka in a section', t => {
  const read = (yaml: string): ReturnType<typeof readConfig> => {
    const path = join(testFolder(t), 'leadline.yaml');
    writeFileSync(path, yaml);
    return readConfig({}, path, {});
  };
  t.deepEqual(read('kafka: a:1, b:2\n').options.kafka, ['a:1', 'b:2']);
  t.deepEqual(read('kafka:\n  - a:1\n  - b:2\n').options.kafka, ['a:1', 'b:2']);
  t.like(read('kafka:\n  kafka: [a:1]\n  topicPrefix: logs\n  kafkaSasl: Plain\n').options, { kafka: ['a:1'], topicPrefix: 'logs', kafkaSasl: 'plain' });
  t.deepEqual(read('kafka:\n').options.kafka, []);
  t.deepEqual(problemsOf(t, 'kafka:\n  kafkaSals: plain\nship:\n  compression: lz4\n'), ['2:3: kafka.kafkaSals is not an option. Did you mean kafka.kafkaSasl?', '4:3: ship.compression: "lz4" is not one of its values. Write one of zstd, none, kafka-gzip, kafka-zstd, kafka-lz4, kafka-snappy.']);
});

test('patterns of the user: texts or maps, each mistake with its line, and those of flags with the flag', t => {
  const problems = problemsOf(t, 'collect:\n  patterns:\n    - "%{LOGLEVEL:level} %{GREEDYDATA:message}"\n    - service: cart*\n      pattern: "%{NOSUCH:x}"\n    - { service: a, name: B, pattern: x }\n    - { pattern: 5 }\n    - { patern: x }\n    - 7\n');
  t.deepEqual(problems.map(problem => problem.replace(/ .*/, '')), ['6:7:', '7:7:', '8:7:', '9:7:']);
  t.regex(problemsOf(t, 'collect:\n  patterns:\n    - service: cart*\n      pattern: "%{NOSUCH:x}"\n')[0]!, /^3:7: the pattern is not understood: at character 1 of it: there is no named part %\{NOSUCH\}/);
  const path = join(testFolder(t), 'leadline.yaml');
  writeFileSync(path, 'collect:\n  patterns:\n    - { name: ORDER, pattern: "ORD-%{INT}" }\n    - { service: "cart*", pattern: "%{ORDER:order}" }\n    - "(?<level>\\\\w+)"\n');
  t.deepEqual(readConfig({}, path, {}).options.patterns, ['ORDER := ORD-%{INT}', 'cart* => %{ORDER:order}', '(?<level>\\w+)']);
  t.regex(t.throws(() => readConfig({ patterns: ['%{X:y}'] }, path, {}), { instanceOf: LeadlineError }).message, /^--patterns: "%\{X:y\}": at character 1 of it:/);
});

test('correlation: names, patterns and kinds of the user, as a list or a map, each mistake with its line', t => {
  const path = join(testFolder(t), 'leadline.yaml');
  writeFileSync(path, 'correlation:\n  idFields:\n    X-Order-Request: request\n    cart_id: session\n  idPatterns:\n    - "order (?<request>ORD-[0-9]+), (?<session_cart>\\\\w+)"\n  joinKinds: [correlation]\n');
  const { options } = readConfig({}, path, {});
  t.deepEqual([options.idFields, options.idPatterns, options.joinKinds], [['X-Order-Request=request', 'cart_id=session'], ['order (?<request>ORD-[0-9]+), (?<session_cart>\\w+)'], ['correlation']]);
  t.deepEqual(readConfig({ idFields: ['a_b=trace'] }, path, { LEADLINE_JOIN_KINDS: 'job, request' }).options.joinKinds, ['job', 'request']);
  for (const [text, problem] of [
    ['idFields: [X-Order]', /^2:3: correlation\.idFields: "X-Order" does not say which kind of id a name holds\. Write NAME=KIND/],
    ['idFields: { X-Order: order }', /^2:3: .*"X-Order=order" does not say which kind/],
    ['idPatterns: ["order [0-9]+"]', /^2:3: .*no named group\. Name what is the id by its kind/],
    ['idPatterns: ["order (?<order>[0-9]+)"]', /^2:3: .*the group "order" of .* is not named by a kind of id/],
    ['idPatterns: ["(?<request>a)(?=b)"]', /^2:3: .*not a regular expression of RE2's syntax/],
    ['joinKinds: [span]', /^2:3: .*"span" is not a kind of id that can join traces\. Write one of request, correlation, session/],
    ['idfields: [a_b=trace]', /^2:3: correlation\.idfields is not an option\. Did you mean correlation\.idFields\?/],
  ] as const) t.regex(problemsOf(t, `correlation:\n  ${text}\n`)[0]!, problem, text);
});
