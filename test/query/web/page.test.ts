import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { buildPage } from '../../../query/web/build.mjs';
import { chromiumArgs, chromiumPath, hasChromium, runsBrowserTests } from '../../helpers/chromium.ts';
import { proofSkipped } from '../../helpers/skipped.ts';
import { FakeServer, mistakenQuery, sessionId } from './fake-server.ts';

const longLineCount = 100_000;

let browser: Browser;
let assetsDir: string;

interface Opened {
  page: Page;
  server: FakeServer;
}

/** One scenario with its own server and window. Scripts that fail and styles or scripts that the policy refuses fail the test. */
function scenario(title: string, run: (t: ExecutionContext, opened: Opened) => Promise<void>, options: { server?: { requestCount?: number; longLineCount?: number }; context?: BrowserContextOptions } = {}): void {
  if (!runsBrowserTests) {
    proofSkipped(title, `no chromium at ${chromiumPath}`);
    return;
  }
  test.serial(title, async t => {
    const server = new FakeServer({ assetsDir, ...options.server });
    await server.open();
    const context = await browser.newContext({ viewport: { width: 1300, height: 850 }, timezoneId: 'Europe/Zurich', reducedMotion: 'reduce', ...options.context });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const faults: string[] = [];
    page.on('pageerror', error => faults.push(error.message));
    page.on('console', message => {
      if (/Content Security Policy/.test(message.text())) faults.push(message.text());
    });
    try {
      await run(t, { page, server });
      t.deepEqual(faults, []);
    } finally {
      await context.close();
      await server.close();
    }
  });
}

test.before(async () => {
  if (!runsBrowserTests) return;
  if (!hasChromium) throw new Error(`No chromium at ${chromiumPath}; set LEADLINE_CHROMIUM.`);
  assetsDir = await mkdtemp(join(tmpdir(), 'leadline-page-'));
  await buildPage({ outDir: assetsDir });
  browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
});

test.after.always(async () => {
  if (!hasChromium) return;
  await browser.close();
  await rm(assetsDir, { recursive: true, force: true });
});

const focusedText = (page: Page): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');

scenario('the newest request stands first, opens with the keyboard, and back returns', async (t, { page, server }) => {
  await page.goto(server.origin);
  await page.locator('a.request').first().waitFor();
  t.is(await page.locator('a.request').first().getAttribute('title'), server.failure.summary.id);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.locator('.chart').waitFor();
  t.true(page.url().endsWith(`/timeline/${server.failure.summary.id}`));
  await page.goBack();
  await page.locator('a.request').first().waitFor();
});

scenario('new requests come by themselves, and wait while the pointer is over the list', async (t, { page, server }) => {
  await page.goto(server.origin);
  const first = page.locator('a.request').first();
  await first.waitFor();
  await page.mouse.move(2, 400);
  server.addRequests(1);
  const [arrived] = server.requests;
  await page.locator(`a.request[title="${arrived!.summary.id}"]`).waitFor();
  await first.hover();
  server.addRequests(3);
  await page.getByRole('button', { name: '3 new' }).waitFor();
  t.is(await first.getAttribute('title'), arrived!.summary.id);
  await page.getByRole('button', { name: '3 new' }).click();
  await page.locator(`a.request[title="${server.requests[0]!.summary.id}"]`).waitFor();
  t.is(await page.locator('.pill').count(), 0);
});

scenario('a paused list stays as it is until it is resumed', async (t, { page, server }) => {
  await page.goto(`${server.origin}/?paused=yes`);
  await page.locator('a.request').first().waitFor();
  server.addRequests(1);
  const fresh = page.locator(`a.request[title="${server.requests[0]!.summary.id}"]`);
  await page.getByRole('button', { name: 'Resume' }).click();
  await fresh.waitFor();
  t.is(new URL(page.url()).search, '');
});

scenario('an id in the box opens its timeline, words are searched', async (t, { page, server }) => {
  await page.goto(server.origin);
  await page.locator('a.request').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type(server.failure.timeline.ids[1]!.value);
  await page.keyboard.press('Enter');
  await page.getByText('Asked for').waitFor();
  t.regex(await page.locator('.asked').innerText(), /\(request\), joined by a line of frontend/);
  await page.keyboard.press('/');
  await page.keyboard.type('declined');
  await page.keyboard.press('Enter');
  await page.locator('.row-found .row-message').first().waitFor();
  t.is(new URL(page.url()).search, '?query=declined');
});

scenario('a timeline goes from error to error, opens a line with its trace, and folds and shows the wait', async (t, { page, server }) => {
  await page.goto(`${server.origin}/timeline/${server.failure.summary.id}`);
  await page.locator('.rows .row').first().waitFor();
  t.deepEqual(await page.locator('.lane-names li').allInnerTexts(), server.failure.summary.services);
  await page.keyboard.press('e');
  await page.waitForFunction(() => document.activeElement?.classList.contains('row-main') === true && document.activeElement.textContent.includes('PaymentError'));
  t.regex(await focusedText(page), /491\.7\d\d/);
  await page.keyboard.press('Enter');
  await page.locator('.detail', { hasText: 'at authorize (/app/src/gateway.js:88:13)' }).waitFor();
  t.true(new URL(page.url()).searchParams.has('event'));
  await page.keyboard.press('g');
  await page.getByRole('button', { name: 'Fold 1 idle gap' }).waitFor();
  t.is(new URL(page.url()).searchParams.get('gaps'), 'shown');
  await page.reload();
  await page.locator('.detail', { hasText: 'at authorize' }).waitFor();
});

scenario('pointing at a tick marks its row, and a click opens it', async (t, { page, server }) => {
  await page.goto(`${server.origin}/timeline/${server.failure.summary.id}`);
  const lanes = page.locator('.lanes');
  await lanes.waitFor();
  await lanes.hover({ position: { x: 9, y: 12 } });
  await page.locator('.row.pointed', { hasText: 'POST /cart/checkout started' }).waitFor();
  await lanes.click({ position: { x: 9, y: 12 } });
  await page.locator('.row.open', { hasText: 'POST /cart/checkout started' }).waitFor();
  t.regex(await page.locator('.lanes').getAttribute('aria-label') ?? '', /19 lines of 8 services over 495 ms, 3 errors/);
});

scenario('a line without an id says that it is inferred, and how surely', async (t, { page, server }) => {
  await page.goto(`${server.origin}/timeline/${server.failure.summary.id}`);
  t.is(await page.locator('.row', { hasText: 'HGET' }).locator('.confidence').innerText(), '82 %');
  await page.locator('.row', { hasText: 'HGET' }).locator('.row-main').click();
  t.regex(await page.locator('.detail').innerText(), /inferred from the lines around it, 82 % sure\s+Because it is worker-3's, between two lines of this request \(the line it was concluded from\)/);
});

scenario('a timeline of 100,000 lines draws only what is in sight and still jumps to its errors', async (t, { page, server }) => {
  await page.goto(`${server.origin}/timeline/long-export-1`);
  await page.locator('.rows .row').first().waitFor();
  t.true(await page.locator('.rows .row').count() < 100);
  await page.keyboard.press('E');
  await page.waitForFunction(() => document.activeElement?.closest('[data-index]') !== null);
  t.true(Number(await page.evaluate(() => document.activeElement?.closest('[data-index]')?.getAttribute('data-index'))) > longLineCount / 2);
  t.true(await page.locator('.rows .row').count() < 100);
}, { server: { requestCount: 1, longLineCount } });

scenario('an unknown id says what it means, and opens by itself once it is known', async (t, { page, server }) => {
  server.addRequests(1);
  const [late] = server.requests;
  server.hide(late!.summary.id);
  await page.goto(`${server.origin}/timeline/${late!.summary.id}`);
  await page.getByRole('heading', { name: 'No request is known under this id' }).waitFor();
  t.regex(await page.locator('.empty').innerText(), /No stored line carries the id .+Mistyped.+Not here yet/s);
  server.show(late!);
  await page.locator('.chart').waitFor();
});

scenario('a session lists its requests and merges none', async (t, { page, server }) => {
  await page.goto(`${server.origin}/timeline/${sessionId}`);
  await page.locator('a.request').first().waitFor();
  t.is(await page.locator('a.request').count(), 6);
  t.is(await page.locator('.chart').count(), 0);
});

scenario('a mistake in a query is marked at its column', async (t, { page, server }) => {
  await page.goto(`${server.origin}/search?query=${encodeURIComponent(mistakenQuery)}`);
  const note = page.locator('.mistake');
  await note.waitFor();
  const marked = (await note.locator('pre').textContent())!.split('\n');
  t.is(marked[1]!.indexOf('▲'), mistakenQuery.indexOf('warm'));
  t.regex(await note.innerText(), /Column 21:.*did you mean warn/s);
});

scenario('a search loads more, opens a timeline at the line, and is still there on the way back', async (t, { page, server }) => {
  await page.goto(`${server.origin}/search`);
  await page.locator('.summary', { hasText: '100+ lines' }).waitFor();
  await page.getByRole('button', { name: 'Load more' }).click();
  await page.locator('.summary', { hasText: '200+ lines' }).waitFor();
  await page.keyboard.press('j');
  await page.waitForFunction(() => document.activeElement?.classList.contains('row-main') === true);
  await page.keyboard.press('Enter');
  await page.locator('.row.open').waitFor();
  t.regex(page.url(), /\/timeline\/.+event=/);
  await page.goBack();
  await page.locator('.summary', { hasText: '200+ lines' }).waitFor();
});

scenario('a search without a match, one with a hint and one that was cut say so', async (t, { page, server }) => {
  await page.goto(`${server.origin}/search?query=zebra&since=15m`);
  await page.getByRole('heading', { name: 'No line matches' }).waitFor();
  await page.getByRole('link', { name: 'Search without the time bounds' }).click();
  t.is(new URL(page.url()).search, '?query=zebra');
  await page.goto(`${server.origin}/search?query=servce:cart`);
  await page.getByText('did you mean service?').waitFor();
  await page.goto(`${server.origin}/search?query=everything`);
  await page.getByText('stopped before its end').waitFor();
});

scenario('tailed lines arrive, wait while paused, and skipped ones are told', async (t, { page, server }) => {
  await page.goto(`${server.origin}/tail`);
  await page.locator('.live', { hasText: 'Live' }).waitFor();
  server.addRequests(1);
  await page.locator('.rows .row').first().waitFor();
  const before = await page.locator('.rows').getAttribute('style');
  await page.getByRole('button', { name: 'Pause' }).click();
  server.tell({ ...server.failure.timeline.events[0]!, eventId: 'a:1', message: 'written while paused' });
  server.tellSkipped(12);
  await page.getByRole('button', { name: '1 new' }).waitFor();
  t.is(await page.locator('.rows').getAttribute('style'), before);
  await page.getByText('12 lines were skipped').waitFor();
  await page.getByRole('button', { name: '1 new' }).click();
  await page.locator('.row-message', { hasText: 'written while paused' }).waitFor();
});

scenario('a tail keeps the last 2,000 lines and says how many it gave up', async (t, { page, server }) => {
  await page.goto(`${server.origin}/tail`);
  await page.locator('.live', { hasText: 'Live' }).waitFor();
  for (let n = 0; n < 2100; n += 1) server.tell({ ...server.failure.timeline.events[0]!, eventId: `a:${n}`, message: `line ${n}` });
  await page.getByText('100 older ones are left to search').waitFor();
  t.is(await page.locator('.rows [aria-setsize]').first().getAttribute('aria-setsize'), '2000');
});

scenario('a refused tail query shows the mistake', async (t, { page, server }) => {
  await page.goto(`${server.origin}/tail?query=${encodeURIComponent(mistakenQuery)}`);
  await page.locator('.mistake').waitFor();
  t.regex(await page.locator('.mistake').innerText(), /Column 21/);
});

scenario('a firing alert is announced, and leads to its requests', async (t, { page, server }) => {
  await page.goto(server.origin);
  await page.locator('a.request').first().waitFor();
  const alert = server.fireAlert();
  await page.locator('.alert-banner').waitFor();
  t.is(await page.locator('[aria-live=assertive]').textContent(), 'Alert firing: payment-errors, service payment');
  await page.locator('.alert-banner').click();
  await page.getByRole('heading', { name: 'payment-errors' }).waitFor();
  t.regex(await page.locator('main').innerText(), /at authorize/);
  await page.locator('.samples a').first().click();
  await page.locator('.chart').waitFor();
  server.alerts = [{ ...alert, state: 'resolved', resolvedAt: alert.lastAt }];
  await page.locator('.alert-banner').waitFor({ state: 'detached' });
});

scenario('a stream whose balance does not close stands out, and the order is in the address', async (t, { page, server }) => {
  await page.goto(`${server.origin}/streams`);
  await page.getByText('off by 240 bytes').waitFor();
  await page.getByRole('button', { name: 'Written' }).click();
  t.is(new URL(page.url()).search, '?sort=size');
  t.regex(await page.locator('.streams tbody tr').first().innerText(), /^ad/);
});

scenario('a server that goes away is said, and its return too, without a reload', async (t, { page, server }) => {
  await page.goto(server.origin);
  await page.locator('a.request').first().waitFor();
  await server.close();
  await page.locator('.strip').waitFor();
  t.true(await page.locator('a.request').count() > 0);
  server.addRequests(1);
  await server.open();
  await page.locator('.strip').waitFor({ state: 'detached' });
  await page.locator(`a.request[title="${server.requests[0]!.summary.id}"]`).waitFor();
});

scenario('an empty store tells how to fill it, in every view', async (t, { page, server }) => {
  for (const [path, heading] of [['/', 'No requests yet'], ['/tail', 'Waiting for lines'], ['/alerts', 'No alert so far'], ['/streams', 'Nothing is being read'], ['/search', 'No line matches'], ['/alerts/7', 'No such alert'], ['/nowhere', 'There is no such page']] as const) {
    await page.goto(server.origin + path);
    await page.getByRole('heading', { name: heading }).waitFor();
  }
  t.pass();
}, { server: { requestCount: 0 } });

scenario('on a phone no view is wider than the window', async (t, { page, server }) => {
  server.fireAlert();
  for (const path of ['/', `/timeline/${server.failure.summary.id}?event=${encodeURIComponent(server.failure.timeline.events[15]!.eventId)}`, '/timeline/unknown-1', `/timeline/${sessionId}`, '/search', `/search?query=${encodeURIComponent(mistakenQuery)}`, '/tail', '/alerts', '/alerts/payment-errors:payment:1', '/streams']) {
    await page.goto(server.origin + path);
    await page.locator('main :is(h1, h2)').first().waitFor({ state: 'attached' });
    await page.waitForFunction(() => document.querySelector('.loading') === null);
    t.is(await page.evaluate(() => document.documentElement.scrollWidth), 375, path);
  }
}, { context: { viewport: { width: 375, height: 700 }, hasTouch: true, isMobile: true } });

scenario('the keys are explained on ?, and everything one can press has a name', async (t, { page, server }) => {
  await page.goto(server.origin);
  await page.locator('a.request').first().waitFor();
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Keys' }).waitFor({ state: 'hidden' });
  for (const path of ['/', `/timeline/${server.failure.summary.id}`, '/search', '/tail', '/streams']) {
    await page.goto(server.origin + path);
    await page.waitForFunction(() => document.querySelector('main h1') !== null);
    const nameless = await page.evaluate(() => [...document.querySelectorAll('button, a, input')].filter(element => (element.textContent.trim() || element.getAttribute('aria-label') || element.closest('label')?.textContent) === undefined).map(element => element.outerHTML));
    t.deepEqual(nameless, [], path);
  }
});
