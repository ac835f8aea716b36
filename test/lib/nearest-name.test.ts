import test from 'ava';
import { nearestName } from '#lib/nearest-name.ts';

const known = ['service', 'level', 'message', 'container'];

test('a letter missing, added, wrong or swapped still names what was meant', t => {
  for (const word of ['sevice', 'serrvice', 'servixe', 'sevrice', 'SERVICE']) t.is(nearestName(word, known), 'service', word);
});

test('a word far from all names means none of them', t => {
  for (const word of ['zebra', 'x', '', 'lev el o', 'a'.repeat(100_000)]) t.is(nearestName(word, known), null, word.slice(0, 20));
  t.is(nearestName('service', []), null);
});

test('the nearer of two names wins', t => {
  t.is(nearestName('container_nam', ['container_id', 'container_name']), 'container_name');
});
