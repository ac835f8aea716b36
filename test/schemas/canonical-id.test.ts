import test from 'ava';
import fc from 'fast-check';
import { canonicalId, idHash, isPlaceholderId } from '#schemas/canonical-id.ts';

const w3c = '4bf92f3577b34da6a3ce929d0e0e4736';

for (const [what, one, other] of [
  ['case and space', ` ${w3c.toUpperCase()} `, w3c],
  ['a UUID with and without dashes', '6f1c2a34-9b1d-4c5e-8f01-23456789abcd', '6F1C2A349B1D4C5E8F0123456789ABCD'],
  ['a UUID in braces', '{6f1c2a34-9b1d-4c5e-8f01-23456789abcd}', '6f1c2a34-9b1d-4c5e-8f01-23456789abcd'],
  ['a UUID with OpenStack\'s req-', 'req-6f1c2a34-9b1d-4c5e-8f01-23456789abcd', '6f1c2a34-9b1d-4c5e-8f01-23456789abcd'],
  ['a UUID before and after Envoy sampled it', '6f1c2a34-9b1d-4c5e-8f01-23456789abcd', '6f1c2a34-9b1d-9c5e-8f01-23456789abcd'],
  ['a UUID before and after Envoy was forced to trace it', '6f1c2a34-9b1d-7c5e-8f01-23456789abcd', '6f1c2a34-9b1d-ac5e-8f01-23456789abcd'],
  ['64 bits and 128 bits with a zero high half', '0000000000000000a3ce929d0e0e4736', 'a3ce929d0e0e4736'],
  ['decimal and hex', '11803532876627986230', 'a3ce929d0e0e4736'],
  ['hex with its leading zero cut off', '3ce929d0e0e4736', '03ce929d0e0e4736'],
  ['128 bits with leading zeros cut off', 'bf92f3577b34da6a3ce929d0e0e4736', '0bf92f3577b34da6a3ce929d0e0e4736'],
  ['X-Ray and its digits', '1-5759e988-bd862e3fe1be46a994272793', '5759e988bd862e3fe1be46a994272793'],
  ['a whole traceparent', `00-${w3c}-00f067aa0ba902b7-01`, w3c],
  ['a whole b3 header', `${w3c}-00f067aa0ba902b7-1`, w3c],
  ['a short b3 header', 'a3ce929d0e0e4736-00f067aa0ba902b7', 'a3ce929d0e0e4736'],
  ['a trace of Google\'s', `projects/shop/traces/${w3c}`, w3c],
] as const) {
  test(`one id: ${what}`, t => {
    t.truthy(canonicalId(one));
    t.is(canonicalId(one), canonicalId(other));
    t.is(idHash(canonicalId(one)!), idHash(canonicalId(other)!));
  });
}

test('two ids stay two', t => {
  t.not(canonicalId(w3c), canonicalId('5bf92f3577b34da6a3ce929d0e0e4736'));
  t.not(canonicalId(w3c), canonicalId('a3ce929d0e0e4736'), 'the high half is not zero, so the low half is another id');
  t.not(canonicalId('6f1c2a34-9b1d-4c5e-8f01-23456789abcd'), canonicalId('6f1c2a34-9b1d-4c5e-8f01-23456789abce'));
  t.not(canonicalId('1234567890123456'), canonicalId('4d2'), 'sixteen digits may be hex');
  t.is(canonicalId('99999999999999999999'), '99999999999999999999', 'more than 64 bits is no decimal id');
});

test('a W3C id that does not look like a UUID is untouched', t => {
  t.is(canonicalId('fe3974115b911675d0640788986f80c9'), 'fe3974115b911675d0640788986f80c9');
});

test('what stands where no id is has no form', t => {
  for (const placeholder of ['', ' ', '-', '--', '0', '0000000000000000', '00000000000000000000000000000000', '00000000-0000-0000-0000-000000000000', 'undefined', 'NULL', 'none', 'Unknown', '<nil>', 'N/A', '{0}']) {
    t.is(canonicalId(placeholder), null, placeholder);
  }
  t.true(isPlaceholderId('0000-0000') && isPlaceholderId('Undefined') && !isPlaceholderId('0001'));
});

const hex = (length: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF'.match(/./g)!), minLength: length, maxLength: length });

test('the form of a form is itself', t => {
  const ids = fc.oneof(fc.string(), fc.uuid(), hex(32), hex(16), hex(15), hex(31), fc.stringMatching(/^[0-9]{15,21}$/), fc.stringMatching(/^\{?0{0,16}[0-9a-f-]{1,36}\}?$/));
  fc.assert(fc.property(ids, id => {
    const once = canonicalId(id);
    if (once !== null) t.is(canonicalId(once), once);
  }), { numRuns: 2000 });
  t.pass();
});

test('a UUID is one id however it is spelled and whatever Envoy wrote into it', t => {
  fc.assert(fc.property(fc.uuid({ version: 4 }), fc.constantFrom('4', '9', 'a', 'b'), (uuid, digit) => {
    const through = `${uuid.slice(0, 14)}${digit}${uuid.slice(15)}`;
    return canonicalId(through) === canonicalId(uuid) && canonicalId(through.replaceAll('-', '')) === canonicalId(uuid) && canonicalId(through.toUpperCase()) === canonicalId(uuid);
  }));
  t.pass();
});

test('the hash is 53 bits, stable, and does not collide among a hundred thousand neighbours', t => {
  const hashes = new Set<number>();
  for (let index = 0; index < 100_000; index++) {
    const hash = idHash(`fe3974115b911675d0640788${index.toString(16).padStart(8, '0')}`);
    if (!Number.isSafeInteger(hash) || hash < 0) t.fail(`${hash} is not 53 bits`);
    hashes.add(hash);
  }
  t.is(hashes.size, 100_000);
  t.is(idHash('fe3974115b911675d0640788986f80c9'), 2599680774300581, 'stored indices were made with it');
});
