import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { ElasticsearchWriter } from '../../../../collector/store/elasticsearch/elasticsearch-writer.ts';
import { elasticsearchMissing, givenElasticsearch, startElasticsearch } from '../../../helpers/elasticsearch.ts';
import { newNamespace, removeStore, rollover, serverAt, storedIds, writerOptions } from '../../../helpers/elasticsearch-store.ts';
import { proofSkipped } from '../../../helpers/skipped.ts';

const missing = givenElasticsearch === null ? elasticsearchMissing() : null;
const waitedOutMs = 2000;
const title = 'collectors killed at any time, the stream rolled over between them: every line once, nothing that was told durable is gone';
if (missing !== null) proofSkipped(title, missing);
else
  test(title, async t => {
    const own = givenElasticsearch === null ? await startElasticsearch() : null;
    t.teardown(() => own?.stop());
    const url = own?.url ?? givenElasticsearch!;
    const namespace = newNamespace();
    const server = serverAt(url);
    let told = 0;
    for (let round = 0; round < 10; round++) {
      const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'append-loop.ts'), url, namespace, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', (text: Buffer) => {
        said += text.toString();
        // Not right after a word, but somewhere in the next batch.
        if (said.split('\n').length > 2 + (round % 5)) setTimeout(() => child.kill('SIGKILL'), 7 * round);
      });
      await once(child, 'close');
      told = Math.max(told, Number(said.trimEnd().split('\n').at(-1)));
      // As every new owner does: what the dead one has under way may still be carried out.
      await pause(waitedOutMs);
      if (round % 2 === 0) await rollover(server, namespace);
    }
    // The last one finds out by itself what the dead ones left.
    const writer = new ElasticsearchWriter(writerOptions(server, namespace));
    await writer.open();
    const known = writer.lastKnown('a')!;
    t.is(known.storedRanges.length, 1);
    const lines = known.storedRanges[0]!.to / 10;
    t.true(lines >= told && told > 0, 'what was told is there');
    t.deepEqual([known.lines, known.events], [lines, lines]);
    const ids = await storedIds(server, namespace);
    t.is(new Set(ids).size, ids.length, 'no id twice over all backing indices');
    const expected = new Set(Array.from({ length: lines }, (_, n) => `a:${10 * n}`));
    t.deepEqual([...expected].filter(id => !ids.includes(id)), []);
    // A batch that died between its events and its ranges has left lines behind; whoever comes next makes them known, as they come again.
    t.log(`${ids.length - lines} lines were stored and not known as such`);
    const signals = await storedIds(server, namespace, 'signals');
    t.is(new Set(signals).size, signals.length);
    await writer.close();
    await removeStore(server, namespace);
    await server.close();
  });
