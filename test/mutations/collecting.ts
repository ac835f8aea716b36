/** The defences of the collector's younger parts: the consumer group, Elasticsearch, parsing in threads, topics of others. */
import type { Mutation } from './mutation.ts';

const group = { tests: ['test/lib/kafka/group-member.test.ts'] };
const sharing = { tests: ['test/collector/shared-collecting.test.ts'] };
const writing = { tests: ['test/collector/store/elasticsearch/writer.test.ts', 'test/collector/store/elasticsearch/bulk.test.ts'] };
const dividing = { tests: ['test/collector/parsing/parser-pool.test.ts'] };
const subscribing = { tests: ['test/collector/kafka-subscriber.test.ts'] };
const elsewhere = { tests: ['test/collector/storing-elsewhere.test.ts'] };
const writer = 'collector/store/elasticsearch/elasticsearch-writer.ts';
const sender = 'collector/store/elasticsearch/bulk-sender.ts';

export const collectingMutations: readonly Mutation[] = [
  {
    name: 'writes-without-heartbeat',
    without: 'a member that was not heard within its session writes nothing',
    edits: [{ file: 'lib/kafka/group-member.ts', search: 'return this.isMember && this.sinceBeatMs() < this.parts.sessionMs * writingShare;', replace: 'return this.isMember;' }],
    proof: group,
  },
  {
    name: 'one-clock',
    without: 'a clock that is set back makes no session longer',
    edits: [{ file: 'lib/kafka/group-member.ts', search: 'return Math.max(wallMs - this.lastBeat.wallMs, steadyMs - this.lastBeat.steadyMs);', replace: 'return steadyMs < 0 ? 0 : wallMs - this.lastBeat.wallMs;' }],
    proof: group,
  },
  {
    name: 'awake-after-joining',
    without: 'a session begins when the coordinator heard of it, not when the answer is read',
    edits: [{ file: 'lib/kafka/group-member.ts', search: '    this.lastBeat = sent;\n    this.isMember = true;', replace: '    this.lastBeat = sent.wallMs < 0 ? sent : this.now();\n    this.isMember = true;' }],
    proof: group,
  },
  {
    name: 'released-though-not-done',
    without: 'only what is stored with its positions is said to be let go of',
    edits: [{ file: 'lib/kafka/group-member.ts', search: 'partitions: isDone && this.isMember ? own : []', replace: 'partitions: this.isMember ? own : []' }],
    proof: group,
  },
  {
    name: 'released-though-lost',
    without: 'who is out of the group has let go of nothing',
    edits: [{ file: 'lib/kafka/group-member.ts', search: "if (end === 'lost') this.isMember = false;", replace: "if (end === 'lost') this.isMember = true;" }],
    proof: group,
  },
  {
    name: 'old-list-counts',
    without: 'a list of what was let go of counts for the next generation only',
    edits: [{ file: 'lib/kafka/group-member.ts', search: 'had: generation === this.generation - 1 ? partitions : []', replace: 'had: generation < this.generation ? partitions : []' }],
    proof: group,
  },
  {
    name: 'lost-taken-for-changed',
    without: 'after an error that is no rebalance others may have the partitions',
    edits: [{ file: 'lib/kafka/group-member.ts', search: "if (code !== null && code !== 'later') return 'lost';", replace: "if (code !== null && code !== 'later') return 'changed';" }],
    proof: group,
  },
  {
    name: 'evicted-while-letting-go',
    without: 'who is put out while it lets go has let go of nothing',
    edits: [{ file: 'lib/kafka/group-member.ts', search: "        this.isMember = false;\n        return;", replace: '        return;' }],
    proof: group,
  },
  {
    name: 'dead-owner-not-waited-for',
    without: 'what an owner that died may have under way is waited out',
    edits: [{ file: 'collector/shared-collecting.ts', search: 'this.isSettled = !mayBeWritten;', replace: 'this.isSettled = mayBeWritten || !mayBeWritten;' }],
    proof: sharing,
  },
  {
    name: 'waiting-share-is-done',
    without: 'partitions whose last owner is still waited for are not released',
    edits: [{ file: 'collector/shared-collecting.ts', search: 'let isDone = intake === null && this.isSettled;', replace: 'let isDone = intake === null;' }],
    proof: sharing,
  },
  {
    name: 'log-end-not-taken',
    without: 'records from before this owner began may have been stored by another',
    edits: [{ file: 'collector/kafka-topic-reader.ts', search: '{ mayBeStored: from < doubtfulBefore }', replace: '{ mayBeStored: from < 0n }' }],
    proof: sharing,
  },
  {
    name: 'lost-partition-written',
    without: 'nothing more is stored of partitions that are lost',
    edits: [{ file: 'collector/shared-collecting.ts', search: 'if (!isLost) {', replace: 'if (!isLost || isLost) {' }],
    proof: sharing,
  },
  {
    name: 'previous-stream-not-read',
    without: 'what the stream before ended in the middle of is read before its successor is taken in',
    edits: [{ file: 'collector/first-sight.ts', search: 'previous === null ? [streamId] : [streamId, previous.streamId]', replace: 'previous === null ? [streamId] : [streamId]' }],
    proof: { tests: ['test/collector/first-sight.test.ts'] },
  },
  {
    name: 'back-from-another',
    without: 'a stream that comes back from another collector is read again',
    edits: [{ file: 'collector/first-sight.ts', search: 'if (!isOnlyOwner) await this.lookAgain(intake, chunk);', replace: '' }],
    proof: { tests: ['test/collector/shared-http.test.ts'] },
  },
  {
    name: 'replay-not-looked-up',
    without: 'what may have been stored before is looked up before it is sent',
    edits: [{ file: writer, search: 'const isBeyond = event.begunAs === undefined && (!mayBeStored || this.ends.isBeyond(event));', replace: 'const isBeyond = event.begunAs === undefined;' }],
    proof: writing,
  },
  {
    name: 'end-taken-for-granted',
    without: 'what comes again of a stream is looked up as far as the store has it',
    edits: [{ file: 'collector/store/elasticsearch/stored-ends.ts', search: 'gap === null && streamOffset >= end;', replace: 'gap === null && streamOffset >= 0;' }],
    proof: { tests: ['test/collector/store/elasticsearch/stored-ends.test.ts'] },
  },
  {
    name: 'no-answer-no-doubt',
    without: 'what had no answer is looked up before it is sent again',
    edits: [{ file: sender, search: 'if (!error.isUnsent) await this.doubt(items, sentMs);', replace: 'if (error.isUnsent) await this.doubt(items, sentMs);' }],
    proof: writing,
  },
  {
    name: 'no-answer-not-waited-out',
    without: 'a request without an answer is waited out before the look',
    edits: [{ file: sender, search: 'if (leftMs > 0) await this.patient.sleep(leftMs);', replace: 'if (leftMs > 0) await this.patient.sleep(0);' }],
    proof: writing,
  },
  {
    name: 'rollover-after-the-look',
    without: 'where a rollover came between look and write, the older of two stays alone',
    edits: [{ file: sender, search: 'if (item.isDoubtful ? outcome.index !== writeIndex :', replace: 'if (item.isDoubtful ? outcome.index === writeIndex :' }],
    proof: writing,
  },
  {
    name: 'half-an-answer',
    without: 'a bulk answer has to speak of every item',
    edits: [{ file: 'collector/store/elasticsearch/item-answer.ts', search: 'if (!Array.isArray(items) || items.length !== ids.length) return null;', replace: 'if (!Array.isArray(items)) return null;' }],
    proof: writing,
  },
  {
    name: 'half-a-look',
    without: 'what an answer leaves out is not known to be missing',
    edits: [{ file: 'collector/store/elasticsearch/look-up.ts', search: 'Array.isArray(docs) && docs.length === ids.length &&', replace: 'Array.isArray(docs) && docs.length <= ids.length &&' }],
    proof: writing,
  },
  {
    name: 'failure-store-is-stored',
    without: 'a document in the failure store counts as refused',
    edits: [{ file: 'collector/store/elasticsearch/item-answer.ts', search: "if (item.failure_store === 'used')", replace: "if (item.failure_store === 'never')" }],
    proof: writing,
  },
  {
    name: 'ranges-before-events',
    without: 'ranges are written when the events are answered for',
    edits: [{ file: writer, search: '      const refused = await sent;\n      await before;\n      await this.settle(plan, positions);', replace: '      await before;\n      await this.settle(plan, positions);\n      const refused = await sent;' }],
    proof: writing,
  },
  {
    name: 'positions-before-ranges',
    without: 'positions come last',
    edits: [{ file: writer, search: '    const changes = [...plan.changes.values()];\n    // An event', replace: '    const changes = [...plan.changes.values()];\n    if (positions.length > 0) await this.index.writePositions(positions);\n    // An event' }],
    proof: writing,
  },
  {
    name: 'batches-out-of-order',
    without: 'a batch becomes known behind those before it',
    edits: [{ file: writer, search: '      await before;\n', replace: '' }],
    proof: writing,
  },
  {
    name: 'streams-overwritten',
    without: 'a stream is written only over what was read of it',
    edits: [{ file: 'collector/store/elasticsearch/stream-index.ts', search: "const action = before === null ? { create: { _id: id } } : { index: { _id: id, if_seq_no: before.version.seqNo, if_primary_term: before.version.primaryTerm } };", replace: "const action = before === null ? { create: { _id: id } } : { index: { _id: id } };" }],
    proof: writing,
  },
  {
    name: 'refused-stays-covered',
    without: "a refused event's bytes are not stored",
    edits: [{ file: writer, search: '        this.uncover(change, event);\n', replace: '' }],
    proof: elsewhere,
  },
  {
    name: 'refused-stays-taken',
    without: 'the bytes of a refused event are taken in when they come again',
    edits: [{ file: 'collector/collector.ts', search: 'for (const event of refused) forgetBytes(this.streams.get(event.streamId), event);', replace: 'for (const event of refused) forgetBytes(undefined, event);' }],
    proof: elsewhere,
  },
  {
    name: 'refused-passed-early',
    without: 'a refused event is a dead letter before its position moves',
    edits: [{ file: writer, search: 'await this.patient.unlessClosed(Promise.all(accountedFor));', replace: 'void Promise.all(accountedFor);' }],
    proof: writing,
  },
  {
    name: 'poison-not-held',
    without: 'a record that cannot be taken in holds its partition',
    edits: [{ file: 'collector/parsing/partition-marks.ts', search: 'for (const offset of mark.held) if (low === null || offset < low) low = offset;', replace: '' }],
    proof: dividing,
  },
  {
    name: 'fastest-thread-counts',
    without: 'a partition is consumed as far as the slowest thread',
    edits: [{ file: 'collector/parsing/partition-marks.ts', search: 'if (low === null || durable < low) low = durable;', replace: 'if (low === null || durable > low) low = durable;' }],
    proof: dividing,
  },
  {
    name: 'failed-store-counts',
    without: 'what was not stored after all is not consumed',
    edits: [{ file: 'collector/parsing/parser-pool.ts', search: '      for (const undo of undos) undo();\n', replace: '' }],
    proof: dividing,
  },
  {
    name: 'open-source-moves',
    without: 'a source moves to another thread only while nothing of it is held',
    edits: [{ file: 'collector/parsing/parser-pool.ts', search: ' || owner.settledCalls !== owner.calls) return owner;', replace: ') return owner;' }],
    proof: dividing,
  },
  {
    name: 'moved-source-unknown',
    without: 'a thread that gets a source is told what is known of it',
    edits: [{ file: 'collector/parsing/parser-pool.ts', search: "if (streams.length > 0) thread.thread.post({ call: 'adopt', streams, unfinished }, []);", replace: "if (streams.length < 0) thread.thread.post({ call: 'adopt', streams, unfinished }, []);" }],
    proof: dividing,
  },
  {
    name: 'refused-batch-known',
    without: 'what a refused batch would have stored is not known as stored',
    edits: [{ file: 'collector/parsing/remote-store.ts', search: '    if (error !== null) {\n', replace: '    if (error !== null) {\n      this.ledger.apply(underWay.change);\n' }],
    proof: dividing,
  },
  {
    name: 'time-not-told',
    without: 'a thread hears of the records that went to others before its own',
    edits: [{ file: 'collector/parsing/parser-pool.ts', search: "if (before !== null) thread.post({ call: 'elapse', position: before }, []);", replace: "if (before === null) thread.post({ call: 'elapse', position }, []);" }],
    proof: dividing,
  },
  {
    name: 'ledger-changed-in-place',
    without: 'a batch that fails leaves what is known as it was',
    edits: [{ file: 'collector/store/stream-ledger.ts', search: '{ ...known, storedRanges: copiedRanges(known.storedRanges) }', replace: 'known' }],
    proof: { tests: ['test/contract/store.test.ts'] },
  },
  {
    name: 'letter-after-passing',
    without: 'what cannot be taken in is a dead letter before it is passed',
    edits: [{ file: 'collector/kafka-subscriber.ts', search: 'if (trouble === null) this.parts.intake.pass({', replace: 'this.parts.intake.pass({' }],
    proof: subscribing,
  },
  {
    name: 'poison-released-without-letter',
    without: 'a poison record found late is released when its letter is away',
    edits: [{ file: 'collector/kafka-subscriber.ts', search: '        if (trouble === null) break;', replace: '        if (attempts >= 0) break;' }],
    proof: subscribing,
  },
  {
    name: 'out-of-range-to-the-end',
    without: 'where the next record is gone all that is there is read',
    edits: [{ file: 'collector/kafka-topic-reader.ts', search: '    partition.offset = earliest;', replace: '    partition.offset = latest;' }],
    proof: subscribing,
  },
  {
    name: 'same-name-same-topic',
    without: 'a topic made again under its name is read from its beginning',
    edits: [{ file: 'collector/kafka-topic-reader.ts', search: 'if (this.topicId !== null && this.topicId !== found.id) {', replace: 'if (this.topicId !== null && this.topicId === found.id) {' }],
    proof: subscribing,
  },
  {
    name: 'others-topic-by-name',
    without: 'records of a topic of others made again are other records',
    edits: [{ file: 'schemas/chunk.ts', search: 'return `${topicId}/${partition}`;', replace: "return `${'0'.repeat(topicId.length)}/${partition}`;" }],
    proof: subscribing,
  },
  {
    name: 'records-joined',
    without: 'a record of a topic of others is complete in itself',
    edits: [{ file: 'collector/collector.ts', search: 'this.take(chunk, work, countsRecords(chunk.streamId) ? [...groups, ...work.assembler.closeAll()] : groups);', replace: 'this.take(chunk, work, groups);' }],
    proof: subscribing,
  },
  {
    name: 'left-out-offsets-are-holes',
    without: 'offsets that no record has are stored with the record behind them',
    edits: [{ file: 'collector/store/stored-bytes.ts', search: 'if (emptyFrom !== undefined) stream', replace: 'if (emptyFrom !== undefined && emptyFrom < 0) stream' }],
    proof: { tests: ['test/collector/kafka-subscriber.test.ts', 'test/collector/store/stored-bytes.test.ts'] },
  },
  {
    name: 'aborted-given',
    without: 'what an aborted transaction wrote is nobody\'s',
    edits: [{ file: 'lib/kafka/record-batch-reader.ts', search: 'return isMark ? this.producers.delete(producerId) : this.producers.has(producerId);', replace: 'return isMark && this.producers.delete(producerId);' }],
    proof: { tests: ['test/lib/kafka/record-batch.test.ts'] },
  },
  {
    name: 'way-back-lost',
    without: 'where a parser fails the stream is as it was',
    edits: [{ file: 'collector/collector.ts', search: '      Object.assign(work, before);\n', replace: '' }],
    proof: { tests: ['test/collector/consumed-positions.test.ts', 'test/collector/collector.test.ts'] },
  },
];
