/** A thread that looks through a whole store again and again. */
import { parentPort, workerData } from 'node:worker_threads';
import { parseQuery } from '#schemas/query/parse.ts';
import { EmbeddedReader } from '../../../query/store/embedded-reader.ts';
import { neverAborted } from '../../helpers/store.ts';

const reader = new EmbeddedReader(workerData as string);
parentPort!.postMessage('scanning');
for (;;) await reader.count({ query: parseQuery('/nowhere.*to.be.seen/'), fromNs: null, toNs: null }, { signal: neverAborted, budget: { eventsMax: Infinity, bytesMax: Infinity, msMax: Infinity } });
