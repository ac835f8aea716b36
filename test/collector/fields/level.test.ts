import test from 'ava';
import { levelOfValue } from '../../../collector/fields/level.ts';

for (const [level, values] of Object.entries({
  trace: ['TRACE', 'verbose', 'finest', 10],
  debug: ['debug', 'Fine', 'finer', 'DEBUG5', 20, 7],
  info: ['INFO', 'notice', 'Informational', 'Information', 30, 35, '30', 5, 6],
  warn: ['warn', 'WARNING', 40, 4],
  error: ['error', 'ERR', 'severe', 'failure', 50, 55, 3],
  fatal: ['fatal', 'critical', 'CRIT', 'alert', 'emergency', 'panic', 60, 0, 1, 2],
})) {
  for (const value of values) {
    test(`level ${JSON.stringify(value)} is ${level}`, t => {
      t.is(levelOfValue(value), level as never);
    });
  }
}

test('what names no level is null, never guessed', t => {
  for (const value of ['', 'x', 'DEFAULT', 'STATS', 'errors', 8, 9, 100, -1, 3.5, NaN, null, true]) t.is(levelOfValue(value), null, String(value));
});
