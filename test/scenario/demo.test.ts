import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { chromium } from 'playwright-core';
import { chromiumArgs, chromiumPath, runsBrowserTests } from '../helpers/chromium.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { proofSkipped } from '../helpers/skipped.ts';
import type { AlertsAnswer, RequestsAnswer, TimelineBody } from '#schemas/http-api.ts';

const launcher = join(import.meta.dirname, '../../deploy/leadline.mjs');
const run = promisify(execFile);

/** Live processes whose command line names this folder. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(pid => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  }).filter(command => command.includes(folder));
}

const title = 'the demo as a newcomer meets it: requests flow in, one opens as a timeline over containers, a commanded burst stands on the page, Ctrl-C leaves nothing behind';
if (!runsBrowserTests) proofSkipped(title, `no chromium at ${chromiumPath}`);
else {
  test(title, async t => {
    const dir = join(testFolder(t), 'demo');
    const leadline = await RunningLeadline.up(['--data-dir', dir]);
    t.teardown(() => leadline.kill9());
    const requests = await eventually(() => leadline.json<RequestsAnswer>('/api/v1/requests'), answer => answer.requests.some(request => request.services.length >= 6));
    const checkout = requests.requests.find(request => request.services.length >= 6)!;
    const timeline = await leadline.json<TimelineBody>(`/api/v1/timelines/${checkout.id}`);
    t.true(timeline.services.length >= 6);
    t.true(timeline.joins.some(join => join.kind === 'request'), 'the request id and the trace id of one request are joined by a line that carries both');

    const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArgs });
    t.teardown(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1300, height: 850 } });
    page.setDefaultTimeout(20_000);
    await page.goto(leadline.url);
    await page.getByText('POST /checkout').first().waitFor();
    await page.goto(`${leadline.url}/timeline/${checkout.id}`);
    for (const service of timeline.services) await page.getByText(service, { exact: true }).first().waitFor();

    const { stdout } = await run(process.execPath, ['--no-warnings', launcher, 'demo', '--burst', 'payment', '--for', '4s', '--data-dir', dir]);
    t.regex(stdout, /payment fails now, for 4 s/);
    const { alerts } = await eventually(() => leadline.json<AlertsAnswer>('/api/v1/alerts'), answer => answer.alerts.length > 0);
    t.is(alerts[0]!.state, 'firing');
    t.is(alerts[0]!.key['service'], 'payment');
    t.true(alerts[0]!.requests.length > 0);
    await page.goto(leadline.url);
    await page.getByRole('link', { name: /errors.*payment|payment.*errors/i }).first().waitFor();
    const failing = await leadline.json<TimelineBody>(`/api/v1/timelines/${alerts[0]!.requests[0]!.id}`);
    t.true(failing.events.some(event => event.level === 'error' && event.service === 'payment' && event.exceptionType !== null));
    const [resolved] = (await eventually(() => leadline.json<AlertsAnswer>('/api/v1/alerts'), answer => answer.alerts[0]?.state === 'resolved')).alerts;
    t.is(resolved!.episodeId, alerts[0]!.episodeId);

    await browser.close();
    t.is(await leadline.stop('SIGINT'), 0);
    t.deepEqual(processesOf(dir), []);
    t.false(existsSync(join(dir, 'demo.json')));
  });
}
