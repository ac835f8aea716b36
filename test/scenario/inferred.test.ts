/** Lines without an id, from files to the terminal. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { runCommand } from '../helpers/command.ts';
import { testFolder } from '../helpers/folder.ts';
import { ingested, neverAborted, queriesOf, timeline } from '../helpers/store.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const other = '4bf92f3577b34da6a3ce929d0e0e4737';

function logs(folder: string): string {
  const files = {
    shipping: [`0 [http-1] c.e.Ships - TraceID: ${trace} shipment requested for order ORD-812345-77`, `1 [http-2] c.e.Ships - TraceID: ${other} shipment requested for order ORD-812346-12`, '2 [http-1] c.e.Carrier - carrier is gull post', '3 [http-2] c.e.Carrier - carrier is north line', `4 [http-1] c.e.Ships - TraceID: ${trace} shipment booked`, `5 [http-2] c.e.Ships - TraceID: ${other} shipment booked`],
    mail: ['6 [main] c.e.Mail - mail about order 7d21d9e0-0250-4e06-a5cd-027c1a89afdd'],
    shop: [`0 [main] c.e.Shop - TraceID: ${trace} order 7d21d9e0-0250-4e06-a5cd-027c1a89afdd taken`, `8 [main] c.e.Shop - TraceID: ${trace} order 7d21d9e0-0250-4e06-a5cd-027c1a89afdd closed`],
  };
  for (const [service, lines] of Object.entries(files)) {
    mkdirSync(join(folder, service));
    writeFileSync(join(folder, service, 'app.log'), lines.map(line => `2026-11-21 08:15:01.10${line[0]!} INFO  ${line.slice(2)}\n`).join(''));
  }
  return folder;
}

test('trace shows the lines of a request that carry no id, with why; --no-inferred leaves them out', async t => {
  const folder = logs(testFolder(t));
  const lines = async (...args: string[]): Promise<{ service: string; message: string; evidence?: { kind: string; because: string } }[]> => {
    const { stdout } = await runCommand(['trace', trace, folder, ...args]);
    return stdout.trim().split('\n').map(line => JSON.parse(line) as { service: string; message: string });
  };
  t.deepEqual((await lines()).map(({ service, evidence }) => `${service} ${evidence?.kind ?? 'direct'}`), ['shipping direct', 'shop direct', 'shipping worker', 'shipping direct', 'mail content', 'shop direct']);
  t.deepEqual((await lines('--no-inferred')).map(({ service }) => service), ['shipping', 'shop', 'shipping', 'shop']);
});

test('an access log without ids: each line is a request, listed and found by an id made of its place, the same in every store', async t => {
  const folder = join(testFolder(t), 'web');
  mkdirSync(folder);
  writeFileSync(join(folder, 'access.log'), [1, 2, 3].map(n => `10.0.0.${n} - - [21/Nov/2026:08:15:0${n} +0000] "GET /cart/${n} HTTP/1.1" 500 12 "-" "curl/8"\n`).join(''));
  const ids: string[][] = [];
  for (const store of [testFolder(t), testFolder(t)]) {
    await ingested([folder], store);
    const queries = queriesOf(t, store);
    const { requests } = await queries.requests({}, neverAborted);
    t.deepEqual(requests.map(({ title, lines }) => [title, lines]), [['GET /cart/3', 1], ['GET /cart/2', 1], ['GET /cart/1', 1]]);
    for (const { id, title } of requests) {
      const { events } = await timeline(queries, id);
      t.deepEqual(events.map(event => [event.requestIdSource, `GET ${event.fields['url.path'] as string}`]), [['generated', title]]);
    }
    ids.push(requests.map(({ id }) => id));
  }
  t.deepEqual(ids[0], ids[1]);
});
