/** Redaction on bytes as they lie in files: what is found, what is left alone, and that lines stay what they were. */
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { LeadlineError } from '#schemas/errors.ts';
import { createRedaction } from '../../shipper/redact.ts';
import { corpusTest } from '../helpers/corpus.ts';
import { corpusFolder } from '../helpers/corpus-folder.ts';
import { adversarial } from './redact-adversarial.ts';

const key = 'a key of the tests, long enough';
const redactionOf = (...what: string[]): NonNullable<ReturnType<typeof createRedaction>> => createRedaction({ redact: what, redactKey: key })!;
const all = redactionOf('secrets', 'cards', 'emails');
const mark = (kind: string, value: string): string => `[redacted:${kind}:${createHmac('sha256', key).update(value, 'latin1').digest('hex').slice(0, 12)}]`;
/** The line as it leaves, as text. */
function left(line: string, redaction = all): string {
  const bytes = Buffer.from(`${line}\n`);
  return (redaction.redact(bytes)?.value ?? bytes).toString('utf8').slice(0, -1);
}
const docker = (log: string): string => JSON.stringify({ log: `${log}\n`, stream: 'stdout', time: '2022-08-22T05:18:16.154772363Z' });
const cri = (text: string): string => `2022-08-22T05:18:16.154772363Z stdout F ${text}`;
/** What was written in the docker line. */
const logOf = (line: string): string => (JSON.parse(line) as { log: string }).log;

/** Written out in pieces, so that no scanner takes this file for a leak. */
const made = {
  github: ['ghp', 'a1B2c3D4e5'.repeat(4).slice(0, 36)].join('_'),
  stripe: ['sk', 'live', '4eC39HqLyjWDarjtT1zdp7dc'].join('_'),
  slack: ['xoxb', '123456789012', 'abcdefGHIJKL'].join('-'),
  gitlab: ['glpat', 'abcdefghij0123456789'].join('-'),
  google: ['AIza', 'SyA-1234567890_abcdefghijklmnopqrst'].join(''),
  aws: ['AKIA', 'IOSFODNN7EXAMPLE'].join(''),
  npm: ['npm', 'abcDEF1234'.repeat(4).slice(0, 36)].join('_'),
  jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U',
};

test('tokens are known by how they begin, wherever they stand', t => {
  for (const [maker, value] of Object.entries(made)) {
    for (const [before, after] of [['', ''], ['header: ', ' next'], ['?a=', '&b=1'], ['("', '")'], ['a%3D', '%26'], ['\\n', '\\n']] as const) {
      if (after === '%26' && maker === 'jwt') continue;
      t.is(left(before + value + after), before + mark('secrets', value) + after, `${maker} behind ${before}`);
    }
    t.is(left(`prefix${value}`), `prefix${value}`, `${maker} inside of a word`);
  }
});

test('a private key on one line is replaced up to its end', t => {
  const block = '-----BEGIN RSA PRIVATE KEY-----\\nMIIEow\\nIBAA==\\n-----END RSA PRIVATE KEY-----';
  t.is(left(`key is ${block} and more`), `key is ${mark('secrets', block)} and more`);
  t.is(left('-----BEGIN CERTIFICATE-----\\nMIIEow'), '-----BEGIN CERTIFICATE-----\\nMIIEow');
});

test('the values of secret names are replaced, the names stay', t => {
  const s = (value: string): string => mark('secrets', value);
  const cases: [line: string, left: string][] = [
    ['user=bob password=hunter2 ok', `user=bob password=${s('hunter2')} ok`],
    ['DB_PASSWORD=hunter2;User Id=bob', `DB_PASSWORD=${s('hunter2')};User Id=bob`],
    ['password: "two words" end', `password: "${s('two words')}" end`],
    ['Password: hunter2!', `Password: ${s('hunter2!')}`],
    ["pwd='x y' rest", `pwd='${s('x y')}' rest`],
    ["set password='it''s'", `set password='${s("it''s")}'`],
    [':password=>"x"', `:password=>"${s('x')}"`],
    ['<password>hunter2</password>', `<password>${s('hunter2')}</password>`],
    ['run --password hunter2 --token=abc', `run --password ${s('hunter2')} --token=${s('abc')}`],
    ['GET /a?token=abc&b=1', `GET /a?token=${s('abc')}&b=1`],
    ['{"client_secret":"s3cr3t","a":1}', `{"client_secret":"${s('s3cr3t')}","a":1}`],
    ['{"password":"a\\"b\\\\","a":1}', `{"password":"${s('a\\"b\\\\')}","a":1}`],
    ['password="a\\\\" user="bob"', `password="${s('a\\\\')}" user="bob"`],
    ['{"password":12345,"a":1}', `{"password":"${s('12345')}","a":1}`],
    ['aws_secret_access_key = wJalr/K7MDENG', `aws_secret_access_key = ${s('wJalr/K7MDENG')}`],
    ['x-api-key: 12345678abc', `x-api-key: ${s('12345678abc')}`],
    ['{"apiKey":"k"}', `{"apiKey":"${s('k')}"}`],
    ['"x-auth-token":["abc"]', `"x-auth-token":["${s('abc')}"]`],
    ['Authorization: Bearer abc', `Authorization: Bearer ${s('abc')}`],
    ['sent bearer abcdefghij123456789', `sent bearer ${s('abcdefghij123456789')}`],
    ['"Authorization":["Basic dXNlcjpwYXNz"]', `"Authorization":["Basic ${s('dXNlcjpwYXNz')}"]`],
    ['postgres://u:p@ss@host:5432/db', `postgres://u:${s('p@ss')}@host:5432/db`],
    ['"https:\\/\\/me:pw@host\\/"', `"https:\\/\\/me:${s('pw')}@host\\/"`],
    ['redis://:pw@r:1', `redis://:${s('pw')}@r:1`],
  ];
  for (const [line, expected] of cases) t.is(left(line), expected);
});

test('what only speaks of secrets is left alone', t => {
  for (const line of [
    'Failed password for root from 10.0.0.1', 'password: user not found', 'Invalid password: must be longer', 'password=****', 'password=', 'password=${DB_PASSWORD}', '"token":null', '"secret":{"a":1}', '"password":""',
    'Unexpected token: eof', 'Unexpected token < in JSON at position 0', 'max_tokens=512 tokens: 99 "token_count":5', 'token_type=bearer', 'secretName: my-secret', 'primary_key=17 foreign_key=4', 'PWD=/root OLDPWD=/home', 'pass=3 fail=1',
    'authorization: denied', 'Bearer authentication_is_required', 'Basic authentication failed', 'basic structures: a', 'eyJhbGciOi', 'a [redacted:secrets:0123456789ab] password=[redacted:secrets:0123456789ab]',
    'http://host:8080/a', 'at 12:30@home', '"x:y@z"', 'http://host:8080/path/@x', 'AKIAIOSFODNN7EXAMPL',
  ]) t.is(left(line), line);
});

test('ids, times and numbers are no secrets and no cards', t => {
  const sixteen = '4111111111111111'; // a valid card number, were it one
  for (const line of [
    'trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7', `span_id=${sixteen}`, `"spanId":"${sixteen}"`, `SpanID: ${sixteen}`, `"parentSpanId":"${sixteen}"`, `dd.trace_id=4111111111111111117`, `req_id=${sixteen}`, `"req.id":"${sixteen}"`,
    `traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-${sixteen}-01`, `traceparent: 00-41111111111111114111111111111111-${sixteen}-01`, `uber-trace-id: a:${sixteen}:0:1`,
    '550e8400-e29b-41d4-a716-446655440000', '41111111-1111-1111-1111-111111111111', 'a1b2c3d4-4111-1111-1111-111111111111', 'request 550e8400e29b41d4a716446655440000',
    '1661145496154772363', '1661145496154', '1661145496154772', '4111111111111111117', `0.${sixteen}`, `${sixteen}.5`, `a${sixteen}`, `${sixteen}f`, `-${sixteen}`, `blk_${sixteen}`, `+${sixteen}`, `x.${sixteen}.log`,
    '4111111111111112', '9999999999999995', '1234567812345670', '4111 1111 1111 1112', '4111 11 11 1111 1111', '4111-1111 1111-1111', `${sixteen}0000`, 'offset: 4111111111111111',
  ]) t.is(left(line), line);
});

test('cards are known by issuer, length and checksum, alone or in their groups', t => {
  for (const number of ['4111111111111111', '4222222222222', '5555555555554444', '2223003122003222', '378282246310005', '30569309025904', '6011111111111117', '3530111333300000', '6200000000000005']) {
    const card = mark('cards', number);
    t.is(left(`paid with ${number}.`), `paid with ${card}.`);
    t.is(left(`{"card":"${number}"}`), `{"card":"${card}"}`);
    t.is(left(`/cards/${number}/charge?n=${number}&x=1`), `/cards/${card}/charge?n=${card}&x=1`);
    t.is(left(`2024-05-01 12:00:01 ${number} 200`), `2024-05-01 12:00:01 ${card} 200`);
    for (const between of [' ', '-']) {
      const grouped = (number.length === 15 ? [4, 10, 15] : number.length === 14 ? [4, 10, 14] : [4, 8, 12, 16]).map((end, index, ends) => number.slice(ends[index - 1] ?? 0, end)).join(between);
      if (number.length > 13) t.is(left(`a ${grouped}, 17`), `a ${card}, 17`);
    }
  }
});

test('what is looked for is found at whatever byte of a chunk it begins', t => {
  for (let shift = 0; shift < 40; shift += 1) {
    const before = '-'.repeat(shift).replace(/-$/, ' ');
    for (const value of [made.aws, made.jwt]) t.is(left(before + value), before + mark('secrets', value), `${shift}`);
    for (const value of ['4222222222222', '378282246310005', '4111 1111 1111 1111']) t.is(left(before + value), before + mark('cards', value.replaceAll(' ', '')), `${shift}`);
    t.is(left(`1${'2'.repeat(shift)}:4222222222222`), `1${'2'.repeat(shift)}:${mark('cards', '4222222222222')}`);
    t.is(left(`${before}a@b.example`), `${before}${mark('emails', 'a@b.example')}`);
    t.is(left(`${before}password=x&token=y`), `${before}password=${mark('secrets', 'x')}&token=${mark('secrets', 'y')}`);
  }
});

test('e-mail addresses are replaced, what only looks like one is not', t => {
  const e = (value: string): string => mark('emails', value);
  t.is(left('from <A.b+c@Mail.Example.org>, x@y.example.'), `from <${e('a.b+c@mail.example.org')}>, ${e('x@y.example')}.`);
  t.is(left('mailto:a@b.example'), `mailto:${e('a@b.example')}`);
  t.is(left('jörg@müller.example'), mark('emails', Buffer.from('jörg@müller.example').toString('latin1')));
  t.is(left('https://u:pw@mail.example/'), `https://u:${mark('secrets', 'pw')}@mail.example/`);
  for (const line of ['getty@tty1.service', 'react@18.2.0', 'logo@2x.png', 'git@host.example:group/project', 'a@b', '@b.example', 'com.example.Thing@1a2b3c', 'x@1.2.3-beta.rc', 'user@host']) t.is(left(line), line);
});

test('equal values have equal hashes, however they are written; another key gives others', t => {
  t.is(left('4111 1111 1111 1111'), left('4111111111111111'));
  t.is(left('A@B.example'), left('a@b.example'));
  const other = createRedaction({ redact: ['emails'], redactKey: 'another key of the tests' })!;
  t.not(left('a@b.example', other), left('a@b.example'));
  const long = 'xyz'.repeat(2000);
  t.is(left(`password=${long}`), `password=${mark('secrets', long)}`);
});

test('a line of docker stays one: its framing, its newline and the JSON inside of it', t => {
  const inner = { msg: 'a "quoted" \\ thing', password: 'a"b\\', card: 4111111111111111, list: [4111111111111111, 2], ok: true };
  const line = left(docker(JSON.stringify(inner)));
  t.deepEqual(JSON.parse(logOf(line)), { ...inner, password: mark('secrets', 'a\\\\\\"b\\\\\\\\'), card: mark('cards', '4111111111111111'), list: [mark('cards', '4111111111111111'), 2] });
  t.is(logOf(left(docker('mail\nfoo@example.com\n4111111111111111\ttoken=abc'))), `mail\n${mark('emails', 'foo@example.com')}\n${mark('cards', '4111111111111111')}\ttoken=${mark('secrets', 'abc')}\n`);
  t.is(logOf(left(docker('password=hunter2'))), `password=${mark('secrets', 'hunter2')}\n`);
  t.is(logOf(left(docker('-----BEGIN PRIVATE KEY-----'))), `${mark('secrets', '-----BEGIN PRIVATE KEY-----')}\n`);
});

test('a pattern of the user never reaches into the framing, nor over a string of JSON', t => {
  const everything = redactionOf('/.+/');
  const value = JSON.parse(left(docker('a"b'), everything)) as { log: string; stream: string };
  t.regex(value.log, /^\[redacted:pattern1:[0-9a-f]{12}\]\n$/);
  t.is(value.stream, 'stdout');
  t.regex(left(cri('hello there'), everything), /^2022-08-22T05:18:16\.154772363Z stdout F \[redacted:pattern1:[0-9a-f]{12}\]$/);
  t.deepEqual(Object.keys(JSON.parse(left('{"a":"x","b":[1,true,null]}', redactionOf('/[x1]/'))) as object), ['a', 'b']);
  const numbers = JSON.parse(left('{"customer":{"number":12345678}}', redactionOf('/customer.*\\d{4}/'))) as object;
  t.regex(JSON.stringify(numbers), /^\{"\[redacted:pattern1:[0-9a-f]{12}\]":\{"\[redacted:pattern1:[0-9a-f]{12}\]":"\[redacted:pattern1:[0-9a-f]{12}\]"\}\}$/);
  t.notThrows(() => JSON.parse(left('{"a":"\\nx\\u00e4"}', redactionOf('/n/', '/e4/'))) as unknown);
});

test('a pattern of the user sees UTF-8, one line at a time, and its first group where it has one', t => {
  const own = redactionOf('/Kunde[ =]([a-zä0-9]+)/', '/^start/');
  const hashOf = (name: string, value: string): string => mark(name, Buffer.from(value).toString('latin1'));
  t.is(left('ü Kunde=1ä2 x', own), `ü Kunde=${hashOf('pattern1', '1ä2')} x`);
  t.is(own.redact(Buffer.from('Kunde\n=12\n')), null);
  t.is(own.redact(Buffer.from('a\nstart b\n'))!.value.toString(), `a\n${hashOf('pattern2', 'start')} b\n`);
});

test('each line keeps its source length, and bytes that are not replaced stay as they are', t => {
  const bytes = Buffer.concat([Buffer.from('plain\r\nmail a@b.example\r\n\n'), Buffer.from([0xff, 0xfe, 0, 10]), Buffer.from('password=x no newline')]);
  const { value, lengths } = all.redact(bytes)!;
  t.deepEqual(lengths, [7, 18, 1, 4, 21]);
  t.deepEqual(value, Buffer.concat([Buffer.from(`plain\r\nmail ${mark('emails', 'a@b.example')}\r\n\n`), Buffer.from([0xff, 0xfe, 0, 10]), Buffer.from(`password=${mark('secrets', 'x')} no newline`)]));
  t.is(all.redact(Buffer.from('nothing\nto hide\n')), null);
  t.is(all.redact(Buffer.alloc(0)), null);
});

test('what reaches over another kind leaves no byte of either', t => {
  t.is(left('password=a@b.example'), `password=${mark('secrets', 'a@b.example')}`);
  t.regex(left('see ab-cd-ef there', redactionOf('/ab.cd/', '/cd.ef/')), /^see \[redacted:pattern1:[0-9a-f]{12}\] there$/);
  t.is(left('password="x 4111111111111111 y"'), `password="${mark('secrets', 'x 4111111111111111 y')}"`);
});

test('options that cannot be meant are refused with what to write instead', t => {
  const refusal = (redact: string[], redactKey: string | null): string => t.throws(() => createRedaction({ redact, redactKey }), { instanceOf: LeadlineError, code: 'BAD_OPTION' }).message;
  t.is(createRedaction({ redact: [], redactKey: null }), null);
  t.regex(refusal(['secrets'], null), /--redact-key: is needed with --redact/);
  t.regex(refusal(['secrets'], 'short'), /at least 16/);
  t.regex(refusal(['secret'], key), /"secret" is not known\. Write secrets, cards, emails, or a \/regular expression\//);
  t.regex(refusal(['/a{1'], key), /without its end/);
  t.regex(refusal(['/(?<=a)b/'], key), /not a regular expression of RE2/);
});

const planted = fc.constantFrom(`token ${made.github}`, `at ${made.jwt} end`, 'a@b.example', '4111 1111 1111 1111', 'password=hunter2', 'Authorization: Bearer abcdefghij123456', 'https://u:hunter2@h/', 'pass"word', 'back\\slash', '\n', '\t@x', '"', '\\');
const anyValue = fc.letrec(tie => ({
  value: fc.oneof({ depthSize: 'small' }, fc.string({ unit: 'binary' }), fc.array(planted, { maxLength: 4 }).map(parts => parts.join(' ')), fc.constantFrom(4111111111111111, 5, true, null), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom('password', 'card', 'token', 'msg', 'email', 'a"b'), tie('value'), { maxKeys: 4 })),
})).value;
const anyObject = fc.dictionary(fc.constantFrom('password', 'card', 'token', 'msg', 'email'), anyValue, { minKeys: 1, maxKeys: 5 });
/** Without names: a pattern may alter them. */
const shapeOf = (value: unknown): unknown => (Array.isArray(value) ? value.map(shapeOf) : typeof value === 'object' && value !== null ? Object.values(value).map(shapeOf) : null);

test('whatever a JSON line holds, it is JSON of the same shape afterwards, in a container too', t => {
  const redaction = redactionOf('secrets', 'cards', 'emails', '/n[a-z]{2}/', '/\\\\/');
  fc.assert(
    fc.property(anyObject, object => {
      const json = JSON.stringify(object);
      const plain = JSON.parse(left(json, redaction)) as unknown;
      const inDocker = JSON.parse(logOf(left(docker(json), redaction))) as unknown;
      const inCri = JSON.parse(left(cri(json), redaction).slice(40)) as unknown;
      for (const each of [plain, inDocker, inCri]) t.deepEqual(shapeOf(each), shapeOf(object));
      for (const secret of [made.github, made.jwt, '1111 1111', 'a@b.example', 'hunter2']) t.false(JSON.stringify([plain, inDocker, inCri]).includes(secret), secret);
    }),
    { numRuns: 500 },
  );
});

test('whatever the bytes, newlines stay and source lengths add up', t => {
  const bits = fc.constantFrom('password=', 'token', ' ', '"', '\\', '{"log":"', '\n', '@', 'a.b', '://', ':', '4111111111111111', '4111 ', '-', made.jwt, 'eyJh', '-----BEGIN PRIVATE KEY-----', '-----END', 'x'.repeat(20), '\r', '\u00ff', 'basic ', '{');
  fc.assert(
    fc.property(fc.array(bits, { maxLength: 40 }), parts => {
      const bytes = Buffer.from(parts.join(''), 'latin1');
      const redacted = all.redact(bytes);
      if (redacted === null) return;
      t.is(redacted.lengths.reduce((sum, length) => sum + length, 0), bytes.length);
      t.is(redacted.value.toString('latin1').split('\n').length, bytes.toString('latin1').split('\n').length);
      t.is(redacted.value.toString('latin1').split('\n').filter((line, index, lines) => index < lines.length - 1 || line !== '').length, redacted.lengths.length);
    }),
    { numRuns: 2000 },
  );
});

test('a megabyte of what looks like secrets at every byte is gone through', t => {
  for (const unit of adversarial) {
    const bytes = Buffer.alloc(1_000_000, unit);
    const redacted = all.redact(bytes);
    t.is(redacted === null ? 1_000_000 : redacted.lengths.reduce((sum, length) => sum + length, 0), 1_000_000, unit);
  }
});

corpusTest('in real logs no id, time or number is taken for a card or a secret', t => {
  const cards = redactionOf('cards');
  const secrets = redactionOf('secrets');
  let lines = 0;
  const cardLines: string[] = [];
  const secretLines: string[] = [];
  for (const entry of readdirSync(corpusFolder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || /SOURCE|LICENSE|INDEX|APACHE|parse-pairs/.test(path)) continue;
    const bytes = path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path);
    const source = bytes.toString('latin1').split('\n');
    lines += source.length;
    for (const [redaction, changed] of [[cards, cardLines], [secrets, secretLines]] as const) {
      const redacted = redaction.redact(bytes)?.value.toString('latin1').split('\n') ?? source;
      changed.push(...source.filter((line, index) => line !== redacted[index]));
    }
  }
  t.true(lines > 100_000);
  // The shop's test card, in docker's framing and in CRI's.
  t.true(cardLines.every(line => /credit_card_number[\\":]+4432-8015-6152-0454/.test(line)));
  t.is(cardLines.length, 16);
  t.deepEqual(secretLines, []);
});
