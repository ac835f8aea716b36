import { join } from 'node:path';
import { startPeer, type Peer } from './peer.ts';

/** What kafkajs costs at least: no state, no rotation, no retry, ready chunks. */
export const bareLoop: Peer = {
  name: 'bare kafkajs loop, 1 MB chunks',
  recordHolds: 'zstd',
  endSeenBy: 'child',
  sendsTheFile: true,
  start: run => startPeer(process.execPath, ['--no-warnings', join(import.meta.dirname, 'bare-loop-child.ts'), run.file, run.brokers.join(','), run.topic]),
};
