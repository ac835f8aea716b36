/** The defences of the shipper and of what it relies on. Every edit takes one away with as few characters as it can. */
import type { Mutation } from './mutation.ts';

export const shippingMutations: readonly Mutation[] = [
  {
    name: 'checkpoint-before-acknowledgement',
    without: 'the checkpoint follows acknowledgements',
    edits: [{ file: 'shipper/ack-tracker.ts', search: 'this.#marks = [...this.#marks, { end, safe, tail }];', replace: 'this.#marks = [...this.#marks, { end, safe, tail }];\n    this.#safe = safe;\n    this.#tail = tail;' }],
    proof: { tests: ['test/shipper/steps.test.ts', 'test/model/model.test.ts'] },
  },
  {
    name: 'highest-acknowledged',
    without: 'the checkpoint is a low-water mark: a hole holds it back',
    edits: [{ file: 'shipper/ack-tracker.ts', search: 'if (mark.end > low) break;', replace: 'if (mark.end > (last?.to ?? low)) break;' }],
    proof: { tests: ['test/shipper/steps.test.ts', 'test/model/model.test.ts'] },
  },
  {
    name: 'checkpoint-written-in-place',
    without: 'a checkpoint is written beside the old one, synced and renamed',
    edits: [{ file: 'shipper/checkpoint-store.ts', search: 'const temporary = `${path}.tmp`;', replace: 'const temporary = path;' }],
    proof: { tests: ['test/shipper/checkpoint.test.ts'] },
  },
  {
    name: 'sent-before-known',
    without: 'a stream is on record, here and outside, before its first chunk is sent',
    edits: [{ file: 'shipper/chain-work.ts', search: "case 'announcing':\n        return this.#announce(stream, advanced);", replace: "case 'announcing':\n        stream.phase = 'reading';\n        stream.isTold = true;\n        return 'more';" }],
    proof: { tests: ['test/model/model.test.ts'] },
  },
  {
    name: 'read-bytes-not-proven',
    without: 'size, first line and tail are checked again after each read',
    edits: [{ file: 'shipper/stream-feed.ts', search: 'if (!reader.proves(Math.max(sizeBytes, stream.position + length), stream.head, stream.tail)) return', replace: 'if (sizeBytes < 0) return' }],
    proof: { tests: ['test/shipper/shipper.test.ts', 'test/model/model.test.ts'] },
  },
  {
    name: 'size-alone',
    without: 'first line and tail hash prove that a file is still the stream',
    edits: [{ file: 'shipper/stream-reader.ts', search: 'if (this.stats().size < sizeBytes) return false;', replace: 'if (this.stats().size < sizeBytes) return false;\n    if (sizeBytes >= 0) return true;' }],
    proof: { tests: ['test/shipper/shipper.test.ts', 'test/shipper/histories.test.ts', 'test/model/model.test.ts'] },
  },
  {
    name: 'inode-and-birth-not-matched',
    without: 'a file is known again by inode and birth time',
    edits: [{ file: 'shipper/file-identity.ts', search: 'return a.inode !== null && a.inode === b.inode &&', replace: 'return a.inode === null && a.inode === b.inode &&' }],
    proof: { tests: ['test/shipper/shipper.test.ts', 'test/shipper/histories.test.ts', 'test/model/model.test.ts'] },
  },
  {
    name: 'generation-not-raised',
    without: 'a truncated file goes on as the next generation',
    edits: [{ file: 'shipper/stream-directory.ts', search: 'next.generation = Math.max(stream.generation + 1, chain.nextGeneration(stream.name!));', replace: 'next.generation = stream.generation;' }],
    proof: { campaign: { kinds: ['truncate', 'copytruncate'], logs: ['truncated', 'copied'], faults: 12, minutes: 0.5 } },
  },
  {
    name: 'copies-not-recognised',
    without: 'a copy made by copytruncate is not a stream of its own',
    edits: [{ file: 'shipper/rotation.ts', search: "if (evidence.tailAgrees === false || evidence.startAgrees === false) return 'notCopy';", replace: "if (evidence.headBytes >= 0) return 'notCopy';" }],
    proof: { campaign: { kinds: ['copytruncate'], logs: ['copied', 'copied-same-start'], faults: 8, minutes: 0.4 } },
  },
  {
    name: 'births-not-compared',
    without: 'of files that begin alike, their birth times say which is a copy of which',
    edits: [{ file: 'shipper/copies.ts', search: 'if (candidate.birthTimeNs === null) return', replace: "if (candidate.birthTimeNs !== '') return" }],
    proof: { tests: ['test/shipper/alike.test.ts'] },
  },
  {
    name: 'error-means-gone',
    without: 'an error never means that a file is gone',
    edits: [{ file: 'shipper/rotation.ts', search: "return systemCode === 'ENOENT' || systemCode === 'ENOTDIR';", replace: 'return systemCode !== null;' }],
    proof: { tests: ['test/shipper/shipper.test.ts', 'test/shipper/steps.test.ts', 'test/shipper/histories.test.ts'] },
  },
  {
    name: 'closed-before-acknowledged',
    without: 'a stream is closed only when all of it and its closing record are acknowledged',
    edits: [{ file: 'shipper/chain-work.ts', search: 'if (stream.closeAcknowledged && stream.tracker.lowWaterMark >= stream.position && !stream.isTelling) {', replace: 'if (!stream.isTelling) {' }],
    proof: { tests: ['test/shipper/shipper.test.ts', 'test/model/model.test.ts'] },
  },
  {
    name: 'two-sends-in-flight',
    without: 'one batch a partition is under way at a time',
    edits: [{ file: 'shipper/kafka-partition-queue.ts', search: 'while (this.waiting.length > 0) await this.send(this.nextBatch());', replace: 'while (this.waiting.length > 0) void this.send(this.nextBatch());' }],
    proof: { campaign: { kinds: ['cut', 'lost-answer', 'slow-answers'], faults: 24, minutes: 0.8 } },
  },
  {
    name: 'retry-gives-up',
    without: 'what Kafka did not take is sent again until it has it',
    edits: [
      { file: 'shipper/kafka-partition-queue.ts', search: 'error => tooLarge.has(error.code) && this.learn(batch)', replace: '() => true' },
      { file: 'shipper/kafka-partition-queue.ts', search: 'if (!(error instanceof KafkaError) || !tooLarge.has(error.code)) throw error;', replace: 'if (error instanceof KafkaError) return this.parts.onAcknowledged(batch);' },
    ],
    proof: { campaign: { kinds: ['cut', 'kill-broker'], faults: 10, minutes: 0.6 } },
  },
  {
    name: 'one-replica-is-enough',
    without: 'acks=all',
    edits: [{ file: 'lib/kafka/requests/produce.ts', search: 'const acksAll = -1;', replace: 'const acksAll = 1;' }],
    proof: { campaign: { kinds: ['kill-broker', 'pause-broker'], cells: 'b:3:1', faults: 24, minutes: 2, linesPerS: 800 } },
  },
  {
    name: 'partition-chosen-anew',
    without: "a source's partition is on record and never chosen again",
    edits: [{ file: 'shipper/kafka-publisher.ts', search: 'const partition = known ?? this.newPartitionOf(source);', replace: 'const partition = this.newPartitionOf(source);' }],
    proof: { campaign: { kinds: ['add-partition', 'kill-shipper'], faults: 16, minutes: 0.6 } },
  },
  {
    name: 'no-trim',
    without: 'the collector leaves out what is stored already',
    edits: [{ file: 'collector/trim.ts', search: "const covered = from >= knownTo && to > from ? 'none' : coverage({ from, to }, known);", replace: "const covered = known.length > 1_000_000 ? coverage({ from, to }, known) : 'none';" }],
    proof: { campaign: { kinds: ['kill-shipper', 'lost-answer'], faults: 16, minutes: 0.6 } },
  },
  {
    name: 'commit-past-open-event',
    without: 'a committed position never passes an open event',
    edits: [{ file: 'collector/consumed-positions.ts', search: 'if (openFrom === Infinity) {', replace: 'if (openFrom >= 0) {' }],
    proof: { campaign: { kinds: ['kill-collector'], logs: ['docker', 'cri', 'long'], faults: 25, minutes: 1.2 } },
  },
  {
    name: 'position-behind-the-record',
    without: 'the committed position moves only behind what is stored',
    edits: [{ file: 'collector/consumed-positions.ts', search: 'this.markOf(topicId, partition).next = recordOffset + 1n;', replace: 'this.markOf(topicId, partition).next = recordOffset + 40n;' }],
    proof: { tests: ['test/collector/consumed-positions.test.ts'] },
  },
];
