import test from 'ava';
import { defaultOptions, environmentNameOf, flagOf, optionNames, options, readOption, type OptionName, type OptionSpec } from '#schemas/options.ts';

test('names of flag and environment derive from the option', t => {
  t.deepEqual([flagOf('pollIntervalMs'), environmentNameOf('pollIntervalMs'), flagOf('host'), environmentNameOf('host')], ['--poll-interval-ms', 'LEADLINE_POLL_INTERVAL_MS', '--host', 'LEADLINE_HOST']);
});

test('every default passes its own check, and every number lies between its limits', t => {
  for (const name of optionNames) {
    const spec: OptionSpec = options[name];
    t.true(/[.:]/.test(spec.doc), `${name} is described in a sentence`);
    if (spec.default === null) continue;
    t.deepEqual(readOption(name, spec.default), { value: defaultOptions()[name] }, name);
    if (spec.type === 'integer') t.true(spec.min <= spec.default && spec.default <= spec.max, name);
  }
});

test('lists of two sets of defaults are not the same object', t => {
  defaultOptions().include.push('*.txt');
  t.false(defaultOptions().include.includes('*.txt'));
});

for (const [name, given, value] of [
  ['idleAfterMs', '2s', 2000],
  ['retentionMs', '7d', 604_800_000],
  ['retentionMs', '1.5h', 5_400_000],
  ['retentionBytesMax', '5GB', 5_000_000_000],
  ['retentionBytesMax', '5 GiB', 5_368_709_120],
  ['port', 0, 0],
  ['include', 'a, b,,', ['a', 'b']],
  ['include', ['a'], ['a']],
  ['quiet', 'true', true],
  ['quiet', false, false],
  ['service', null, null],
  ['service', 7, '7'],
] as [OptionName, unknown, unknown][]) {
  test(`${name} from ${JSON.stringify(given)} is ${JSON.stringify(value)}`, t => {
    t.deepEqual<unknown, unknown>(readOption(name, given), { value });
  });
}

for (const [name, given] of [['port', '70000'], ['port', '-1'], ['port', '1s'], ['port', ''], ['idleAfterMs', '2 weeks'], ['idleAfterMs', '5GB'], ['quiet', 'maybe'], ['include', 5], ['service', {}]] as [OptionName, unknown][]) {
  test(`${name} from ${JSON.stringify(given)} is refused with what to write instead`, t => {
    const read = readOption(name, given);
    t.true('problem' in read && read.problem !== '' && read.fix !== '');
  });
}

test('expressions keep their commas, however they are given', t => {
  const expression = '^(?<request>\\d{1,2})-';
  for (const name of ['multilineStart', 'patterns'] as const) {
    t.deepEqual(readOption(name, expression), { value: [expression] });
    t.deepEqual(readOption(name, [expression, 'x(?<trace>a,b)']), { value: [expression, 'x(?<trace>a,b)'] });
    t.deepEqual(readOption(name, `${expression}\nx(?<trace>a,b)\n`), { value: [expression, 'x(?<trace>a,b)'] });
  }
});
