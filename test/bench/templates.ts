/** What a message's template costs, in the steady state and at first sight. `node test/bench/templates.ts` */
import { Templates } from '../../collector/templates/templates.ts';
import { percentile, report, type Figure } from './report.ts';

const messageChars = 240;
const messages = 10_000;
const limits = { templatesPerServiceMax: 20_000, templatesMax: 200_000 };

const wording = (text: string): string => text.padEnd(messageChars, ' and it went on as was planned for it').slice(0, messageChars);
const kinds: readonly [name: string, message: (n: number) => string][] = [
  ['240 characters, two values', n => wording(`PacketResponder ${n % 7} for block blk_${7_128_370_237_687 + n} terminating`)],
  ['240 characters, many values', n => `order ${n} of user-${n % 977} placed in ${n % 300} ms: `.padEnd(messageChars, `item=${n % 8191} price=12.${n % 100} from 10.0.${n % 250}.9:4431 `).slice(0, messageChars)],
  ['240 characters, paths and quotes', n => `GET "/cart/${n}?page=${n % 9}" by 'visitor ${n % 50}' read /var/lib/shop/sessions/${n}.json `.padEnd(messageChars, 'then https://shop.example/product/x and again ').slice(0, messageChars)],
  ['240 characters, no value', n => wording(['caught end of stream exception', 'Interrupted while waiting for a message', 'Send worker leaving'][n % 3]!)],
  ['60 characters, two values', n => `Received block blk_${38_865_049_064 + n} of size ${67_108_864 - n} from there`],
  ['names that a rule takes out', n => wording(`session opened for user ${'abcdefghij'[n % 10]!}${'klmnopqrst'[Math.floor(n / 10) % 10]!} by (uid=0)`)],
];

function cost(run: () => void): number {
  for (let warm = 0; warm < 20; warm++) run();
  const microseconds = Array.from({ length: 40 }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / messages;
  });
  return percentile(microseconds, 0.5);
}

const figures: Figure[] = [];
for (const [name, message] of kinds) {
  const all = Array.from({ length: messages }, (_, n) => Buffer.from(message(n)).toString());
  const templates = new Templates(limits);
  const us = cost(() => {
    for (const each of all) templates.of('shop', each);
  });
  figures.push({ what: name, value: `${us.toFixed(2)} us`, beside: `at most 1; ${templates.size} templates` });
}
// Distinct words give every message a template of its own; each instance sees them for the first time.
const letters = (n: number): string => String(n).replace(/\d/g, digit => 'ghijklmnop'[Number(digit)]!);
const distinct = Array.from({ length: messages }, (_, n) => wording(`the part named ${letters(n)} began`));
const first = cost(() => {
  const templates = new Templates(limits);
  for (const each of distinct) templates.of('shop', each);
});
figures.push({ what: 'a wording seen for the first time', value: `${first.toFixed(2)} us`, beside: 'once per wording' });

const full = new Templates(limits);
globalThis.gc?.();
const before = process.memoryUsage();
for (let n = 0; n < 250_000; n++) full.of(`service-${n % 20}`, wording(`the part named ${letters(n)} began`));
globalThis.gc?.();
figures.push({ what: 'memory of 200,000 templates of 240 characters', value: `${((process.memoryUsage().heapUsed - before.heapUsed) / 1e6).toFixed(0)} MB`, beside: `${full.overflowed} messages overflowed` });
report('templates', figures);
