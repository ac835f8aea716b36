/** The rules of reading whose loss gives a wrong answer: what Elasticsearch is asked, which lines are one request, and whose lines without an id are. */
import type { Mutation } from './mutation.ts';

const told = { tests: ['test/query/store/elasticsearch-reader.test.ts'] };
const closure = { tests: ['test/query/timeline/closure.test.ts', 'test/schemas/alias.test.ts'] };
const inherit = { tests: ['test/query/timeline/inherit.test.ts'] };

export const readingMutations: readonly Mutation[] = [
  {
    name: 'part-of-the-store',
    without: 'an answer without a shard is an error',
    edits: [{ file: 'query/store/elasticsearch/searcher.ts', search: 'if ((found._shards?.failed ?? 0) > 0) throw', replace: 'if ((found._shards?.failed ?? 0) > 1000) throw' }],
    proof: told,
  },
  {
    name: 'cut-not-said',
    without: 'a search whose time was up says so',
    edits: [{ file: 'query/store/elasticsearch/searcher.ts', search: 'return found.timed_out ? null : found;', replace: 'return found;' }],
    proof: told,
  },
  {
    name: 'tail-ahead-of-writes',
    without: 'what came late into the index before the newest is read, too',
    edits: [{ file: 'query/store/elasticsearch/storing-order.ts', search: 'if (generation < place.generation) {', replace: 'if (generation < place.generation) {\n        if (generation >= 0) continue;' }],
    proof: told,
  },
  {
    name: 'refresh-not-asked',
    without: 'what was carried out is shown before it is passed',
    edits: [{ file: 'query/store/elasticsearch/storing-order.ts', search: 'if (failed !== 0) throw', replace: 'if (failed === undefined) throw' }],
    proof: told,
  },
  {
    name: 'watermark-before-signals',
    without: 'a stream whose signals are not published promises nothing',
    edits: [{ file: 'query/store/elasticsearch/elasticsearch-reader.ts', search: 'watermarkNs: isTold ? watermarkNs : null', replace: 'watermarkNs: isTold ? watermarkNs : watermarkNs' }],
    proof: told,
  },
  {
    name: 'not-of-a-guess',
    without: 'the opposite of a filter that lets too much through is no filter',
    edits: [{ file: 'query/store/elasticsearch/filter.ts', search: 'return part.isExact ? { clause: { bool: { must_not: [part.clause] } }, isExact: true } : unknown;', replace: 'return { clause: { bool: { must_not: [part.clause] } }, isExact: part.isExact };' }],
    proof: { tests: ['test/query/store/elasticsearch-filter.test.ts'] },
  },
  {
    name: 'half-indexed-left-out',
    without: 'what is not wholly in the index is looked at whatever a filter says',
    edits: [{ file: 'query/store/elasticsearch/elasticsearch-reader.ts', search: "const wide = 'match_all' in clause ? clause : anyOf([clause, partlyIndexed]);", replace: "const wide = 'match_all' in clause ? clause : anyOf([clause]);" }],
    proof: told,
  },
  {
    name: 'gap-hides-the-next',
    without: 'a cursor does not pass a gap that lies where its event does',
    edits: [{ file: 'query/store/elasticsearch/elasticsearch-reader.ts', search: 'gapBytes: Number.MAX_SAFE_INTEGER', replace: 'gapBytes: -1' }],
    proof: told,
  },
  {
    name: 'generated-by-index',
    without: 'an id that was generated is looked for where its line lies',
    edits: [{ file: 'query/store/events-file.ts', search: ', ...this.blocksOfGenerated(canonicalIds)]', replace: ']' }],
    proof: { tests: ['test/query/store/embedded-reader.test.ts'] },
  },
  {
    name: 'two-owners-one-request',
    without: 'an id with owners of different requests ties nothing',
    edits: [{ file: 'query/timeline/closure.ts', search: 'if (own.size > 0) return own.size > 1 ? null : [...own][0]!;', replace: 'if (own.size > 0) return [...own][0]!;' }],
    proof: closure,
  },
  {
    name: 'two-traces-one-line',
    without: 'a line with two traces proves nothing',
    edits: [{ file: 'schemas/alias.ts', search: "&& !isLowHalf(id, higher))) return [];", replace: "&& !isLowHalf(id, higher)) && rank > 0) return [];" }],
    proof: closure,
  },
  {
    name: 'session-joins',
    without: 'a grouping id joins no requests',
    edits: [{ file: 'query/timeline/closure.ts', search: 'if ((groupingIdKinds as readonly string[]).includes(asked.id.kind) && !this.limits.joinKinds.includes(asked.id.kind)) return this.grouping(asked);', replace: '' }],
    proof: closure,
  },
  {
    name: 'long-request-joins-on',
    without: 'a request that is long already takes in nothing more',
    edits: [{ file: 'query/timeline/closure.ts', search: 'if (from !== null && to !== null && to - from >', replace: 'if (from !== null && to !== null && from - to >' }],
    proof: closure,
  },
  {
    name: 'other-requests-child',
    without: 'a lower id is taken in only where its root is this request',
    edits: [{ file: 'query/timeline/closure.ts', search: ' || (await this.rootOf(edge.lower.canonical)) !== rootCanonical) continue;', replace: ') continue;' }],
    proof: closure,
  },
  {
    name: 'low-half-alone',
    without: 'the low half of a trace is the trace only where a line proves it',
    edits: [{ file: 'schemas/alias.ts', search: 'whole.canonical.endsWith(low.canonical)', replace: 'whole.canonical.length > low.canonical.length' }],
    proof: closure,
  },
  {
    name: 'two-with-a-claim',
    without: 'a line that two requests may claim is given to neither',
    edits: [{ file: 'query/timeline/inherit/only-open.ts', search: 'if (first === undefined || (second !== undefined && second.confidence > 0.5)) return null;', replace: 'if (first === undefined || (second !== undefined && second.confidence > 2)) return null;' }],
    proof: inherit,
  },
  {
    name: 'housekeeping-is-a-requests',
    without: 'a message that is also found where no request is at work is none of a request',
    edits: [{ file: 'query/timeline/inherit/only-open.ts', search: 'for (const [line, claim] of decided) if (bound(line)) claims.set(line, claim);', replace: 'for (const [line, claim] of decided) if (bound(line) || claim !== null) claims.set(line, claim);' }],
    proof: inherit,
  },
  {
    name: 'workers-always-believed',
    without: 'workers that take turns prove nothing',
    edits: [{ file: 'query/timeline/inherit/worker.ts', search: "const sure = record.confidence('between', between.right, between.wrong);", replace: 'const sure = between.right / (between.right + between.wrong);' }],
    proof: inherit,
  },
  {
    name: 'rest-of-another-stream',
    without: 'a line goes on only with the one right above it in its stream and output',
    edits: [{ file: 'query/timeline/inherit/continuation.ts', search: "if (above.event.output !== event.output || above.event.streamId !== event.streamId || above.event.streamOffsetEnd !== event.streamOffset) continue;", replace: "if (above.event.streamId !== event.streamId) continue;" }],
    proof: inherit,
  },
  {
    name: 'less-sure-than-asked',
    without: 'a line below the asked confidence is left out',
    edits: [{ file: 'query/timeline/inherit/inherit.ts', search: 'if (claim.request === whole && claim.confidence >= confidenceMin) found.push', replace: 'if (claim.request === whole) found.push' }],
    proof: inherit,
  },
  {
    name: 'heartbeat-is-a-requests',
    without: 'so many lines at a place of the story of requests must be unlikely by chance',
    edits: [{ file: 'query/timeline/inherit/story.ts', search: 'const chanceMax = 0.01;', replace: 'const chanceMax = 2;' }],
    proof: inherit,
  },
  {
    name: 'place-of-another-story',
    without: 'a line that stands at a place for it in the stories of two requests is given to neither',
    edits: [{ file: 'query/timeline/inherit/story.ts', search: ' || this.isOfAnother(index, kind, halves)) continue;', replace: ') continue;' }],
    proof: inherit,
  },
  {
    name: 'named-once-only',
    without: 'what a line names that a request leads to is looked up too',
    edits: [{ file: 'query/timeline/inherit/focus.ts', search: 'const hopsMax = 4;', replace: 'const hopsMax = 1;' }],
    proof: inherit,
  },
  {
    name: 'old-blocks-have-ids',
    without: 'a block that does not say that all of its events have ids is looked into',
    edits: [{ file: 'query/store/window.ts', search: 'if (!anyUnclaimed && (head.levels & allHaveIdsBit) !== 0) break;', replace: 'if (!anyUnclaimed && (head.levels & lacksIdsBit) === 0) break;' }, { file: 'query/store/window.ts', search: 'import { allHaveIdsBit } from', replace: 'import { allHaveIdsBit, lacksIdsBit } from' }],
    proof: { tests: ['test/query/store/embedded-reader.test.ts'] },
  },
];
