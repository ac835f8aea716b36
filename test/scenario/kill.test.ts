import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { corpusTest } from '../helpers/corpus.ts';
import { testFolder } from '../helpers/folder.ts';
import { eventually, RunningLeadline } from '../helpers/leadline.ts';
import { boutiqueContainers, boutiqueEvents, sameTimelines } from '../helpers/onlineboutique.ts';
import { allEvents, queriesOf } from '../helpers/store.ts';
import type { StreamsAnswer } from '#schemas/http-api.ts';

const kills = 20;
/** Every file is written in this many pieces, which end where they end: in the middle of lines. */
const pieces = 800;
const pauseMs = 30;

corpusTest('files grow piece by piece while `up` is killed -9 twenty times at random moments: the same 247 timelines, nothing missing, nothing double', async t => {
  const folder = testFolder(t);
  const logs = join(folder, 'logs');
  const dataDir = join(folder, 'data');
  mkdirSync(logs);
  const files = readdirSync(boutiqueContainers).map(name => ({ path: join(logs, basename(name, '.gz')), content: gunzipSync(readFileSync(join(boutiqueContainers, name))), written: 0 }));
  const total = files.reduce((sum, { content }) => sum + content.length, 0);
  const start = (): Promise<RunningLeadline> => RunningLeadline.up([logs, '--data-dir', dataDir, '--idle-after-ms', '300', '--state-interval-ms', '300', '--checkpoint-interval-ms', '10']);
  let leadline = await start();
  t.teardown(() => leadline.kill9());

  // Writing goes on all the time, also while nothing reads, so that every kill meets bytes that are read, published, parsed or being stored.
  let killed = 0;
  let written = 0;
  const write = async (): Promise<void> => {
    while (written < total) {
      const allowed = (total * (killed + 1)) / (kills + 1);
      for (const file of files) {
        const piece = written < allowed ? file.content.subarray(file.written, file.written + Math.ceil(file.content.length / pieces)) : Buffer.alloc(0);
        if (piece.length === 0) continue;
        appendFileSync(file.path, piece);
        file.written += piece.length;
        written += piece.length;
      }
      await pause(pauseMs);
    }
  };
  const writing = write();
  while (killed < kills) {
    const share = (total * (killed + Math.random())) / (kills + 1);
    while (written < share) await pause(1);
    await pause(Math.random() * 60);
    await leadline.kill9();
    killed += 1;
    leadline = await start();
  }
  await writing;
  t.is(killed, kills);
  const { totals } = await eventually(() => leadline.json<StreamsAnswer>('/api/v1/streams'), answer => answer.totals.storedBytes >= total);
  t.is(totals.storedBytes, total);
  t.is(totals.streams, files.length);
  t.is(await leadline.stop(), 0);

  const queries = queriesOf(t, dataDir);
  const events = await allEvents(queries);
  t.is(events.length, boutiqueEvents);
  t.is(new Set(events.map(event => event.eventId)).size, boutiqueEvents);
  await sameTimelines(t, queries, boutiqueContainers);
});
