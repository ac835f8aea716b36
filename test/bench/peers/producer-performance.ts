import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lineBytes } from '../ship-lines.ts';
import { startPeer, type Peer } from './peer.ts';

const payloadLines = 50_000;

/** Kafka's own benchmark of its Java producer: it reads no file while it runs, but sends lines drawn from the first 50,000. */
export const producerPerformance: Peer = {
  name: "Kafka's ProducerPerformance, a line a record",
  recordHolds: 'line',
  endSeenBy: 'offsets',
  sendsTheFile: false,
  start: run => {
    const payload = join(run.folder, 'payload');
    const bytes = Buffer.alloc(Math.min(payloadLines, run.lines) * (lineBytes + 1));
    const input = openSync(run.file, 'r');
    readSync(input, bytes, 0, bytes.length, 0);
    closeSync(input);
    writeFileSync(payload, bytes);
    return startPeer('java', [
      '-Xmx512m', '-cp', run.classPath, 'org.apache.kafka.tools.ProducerPerformance',
      '--topic', run.topic, '--num-records', String(run.lines), '--payload-file', payload, '--throughput', '-1',
      '--producer-props', `bootstrap.servers=${run.brokers.join(',')}`, 'acks=all', 'compression.type=zstd', 'linger.ms=20', 'batch.size=1000000', 'max.request.size=1048576', 'buffer.memory=67108864',
    ]);
  },
};
