import test from 'ava';
import { BulkPace } from '../../../../collector/store/elasticsearch/bulk-pace.ts';
import { outcomeOf } from '../../../../collector/store/elasticsearch/item-answer.ts';

test('an item of a bulk answer is stored, there already, to be sent again or refused', t => {
  const kindOf = (status: number, type = 'x', reason = 'y'): string => {
    const outcome = outcomeOf({ status, error: { type, reason } });
    return `${outcome.kind}${outcome.kind === 'retry' ? `${outcome.isBlocked ? ' blocked' : ''}${outcome.isDoubtful ? ' doubtful' : ''}` : ''}`;
  };
  t.is(outcomeOf({ status: 201, _index: 'i' }).kind, 'stored');
  t.deepEqual(outcomeOf({ status: 201, _index: '.fs-x', failure_store: 'used' }), { kind: 'refused', reason: 'kept in the failure store (.fs-x)' });
  t.is(outcomeOf({ status: 201, failure_store: 'not_applicable_or_unknown' }).kind, 'stored');
  t.is(kindOf(409, 'version_conflict_engine_exception'), 'conflict');
  t.is(kindOf(429, 'es_rejected_execution_exception', 'rejected execution'), 'retry');
  t.is(kindOf(503, 'unavailable_shards_exception'), 'retry doubtful');
  t.is(kindOf(403, 'cluster_block_exception', 'index [x] blocked by: [FORBIDDEN/8/index write (api)];'), 'retry blocked');
  t.is(kindOf(429, 'cluster_block_exception', 'index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];'), 'retry blocked');
  t.is(kindOf(413), 'tooLarge');
  t.is(kindOf(400, 'document_parsing_exception'), 'refused');
});

test('no room: half as many at once, then half as large; room again: more, one at a time', t => {
  const pace = new BulkPace({ bytesMin: 1000, bytesMax: 1_000_000, inFlightMax: 4 });
  for (let n = 0; n < 40; n++) pace.answered({ bytes: 10, ms: 1, rejected: 0 });
  t.is(pace.inFlightMax, 4);
  pace.answered({ bytes: 10, ms: 1, rejected: 3 });
  t.is(pace.inFlightMax, 2);
  pace.answered({ bytes: 10, ms: 1, rejected: 3 });
  t.is(pace.inFlightMax, 1);
  const { bulkBytes } = pace;
  pace.answered({ bytes: 10, ms: 1, rejected: 3 });
  t.is(pace.bulkBytes, bulkBytes / 2);
  for (let n = 0; n < 100; n++) pace.answered({ bytes: 10, ms: 1, rejected: 10 });
  t.deepEqual([pace.inFlightMax, pace.bulkBytes], [1, 1000]);
  for (let n = 0; n < 40; n++) pace.answered({ bytes: 10, ms: 1, rejected: 0 });
  t.is(pace.inFlightMax, 4);
});

test('larger requests are kept while they bring more bytes a second', t => {
  const limits = { bytesMin: 1000, bytesMax: 100_000_000, inFlightMax: 1 };
  const climbed = (bytesPerMs: (size: number) => number): number => {
    const pace = new BulkPace(limits);
    for (let n = 0; n < 200; n++) pace.answered({ bytes: pace.bulkBytes, ms: pace.bulkBytes / bytesPerMs(pace.bulkBytes), rejected: 0 });
    return pace.bulkBytes;
  };
  // Faster up to 5 MB, then all the same.
  const knee = climbed(size => Math.min(size, 5_000_000) / 100);
  t.true(knee >= 3_000_000 && knee <= 9_000_000, String(knee));
  const flat = climbed(() => 1000);
  t.true(flat <= 2_000_000, String(flat));
  const pace = new BulkPace(limits);
  pace.tooLarge(600_000);
  t.is(pace.bulkBytes, 300_000);
});
