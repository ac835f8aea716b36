import { accessSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPeer, type Peer, type PeerRun } from './peer.ts';

const program = '/usr/sbin/rsyslogd';
const folders = ['/usr/lib/x86_64-linux-gnu/rsyslog', '/usr/lib/aarch64-linux-gnu/rsyslog'];

/** Why it cannot be compared with, or null. */
export function rsyslogMissing(): string | null {
  try {
    accessSync(program);
    if (folders.some(folder => isThere(join(folder, 'omkafka.so')))) return null;
  } catch {
    // Said below.
  }
  return 'needs: apt-get install rsyslog rsyslog-kafka';
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Tails by inotify, keeps its position every 20,000 lines (what its own manual calls fast), one record a line. */
export function rsyslogConfiguration(run: Pick<PeerRun, 'folder' | 'file' | 'brokers' | 'topic'>, lingerMs: number): string {
  const librdkafka = { 'compression.codec': 'zstd', acks: 'all', 'linger.ms': String(lingerMs), 'batch.num.messages': '10000', 'batch.size': '1000000', 'queue.buffering.max.messages': '1000000' };
  return `global(workDirectory="${run.folder}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omkafka")
main_queue(queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="4096" queue.workerThreads="1")
template(name="line" type="string" string="%msg%")
input(type="imfile" file="${run.file}" tag="bench" persistStateInterval="20000" freshStartTail="off" reopenOnTruncate="on" ruleset="ship")
ruleset(name="ship") {
  action(type="omkafka" broker=[${run.brokers.map(broker => `"${broker}"`).join(',')}] topic="${run.topic}" template="line" partitions.auto="on" action.resumeRetryCount="-1"
    confParam=[${Object.entries(librdkafka).map(([key, value]) => `"${key}=${value}"`).join(',')}])
}
`;
}

export const rsyslog = (lingerMs = 20): Peer => ({
  name: 'rsyslog omkafka, a line a record',
  recordHolds: 'line',
  endSeenBy: 'offsets',
  sendsTheFile: true,
  start: run => {
    mkdirSync(run.folder, { recursive: true });
    const configuration = join(run.folder, 'rsyslog.conf');
    writeFileSync(configuration, rsyslogConfiguration(run, lingerMs));
    return startPeer(program, ['-n', '-f', configuration, '-i', join(run.folder, 'rsyslog.pid')]);
  },
});
