/**
 * The HTTP API's bodies and query strings, declared once: the server validates and serializes by them, OpenAPI is made from them, and the
 * types of the page and of the command line are theirs.
 */
import { Type, type Static } from 'typebox';

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
/** A signed 64-bit number of nanoseconds since the epoch, as text: a JSON number cannot hold it. */
const TimeNs = Type.String({ pattern: '^-?[0-9]+$', description: 'Nanoseconds since the epoch.' });

export const IdSchema = Type.Object({ kind: Type.String(), name: Type.String(), value: Type.String() });

export const EventSchema = Type.Object({
  eventId: Type.String(),
  time: Type.String({ description: 'RFC 3339, UTC, nine fractional digits.' }),
  timeNs: TimeNs,
  timeSource: Type.String(),
  service: nullable(Type.String()),
  container: nullable(Type.String()),
  pod: nullable(Type.String()),
  namespace: nullable(Type.String()),
  node: nullable(Type.String()),
  level: nullable(Type.String()),
  message: Type.String(),
  raw: Type.Optional(Type.String({ description: "The application's own line. Absent where it is not valid UTF-8." })),
  rawBase64: Type.Optional(Type.String()),
  fields: Type.Record(Type.String(), Type.Any()),
  requestId: nullable(Type.String()),
  requestIdSource: nullable(Type.String()),
  confidence: nullable(Type.Number()),
  ids: Type.Array(IdSchema),
  source: Type.String(),
  streamId: Type.String(),
  streamOffset: Type.Integer(),
  streamOffsetEnd: Type.Integer(),
  output: nullable(Type.String()),
  part: nullable(Type.Object({ n: Type.Integer(), of: nullable(Type.Integer()) })),
  gap: nullable(Type.Object({ cause: Type.String(), bytes: Type.Integer(), exact: Type.Boolean() })),
  exceptionType: nullable(Type.String()),
  correctedTimeNs: nullable(Type.String()),
  clockErrorNs: nullable(Type.String()),
  template: nullable(Type.String()),
  evidence: Type.Optional(Type.Object({
    kind: Type.String({ description: 'worker, continuation, onlyOpen or content.' }),
    because: Type.String({ description: 'In words for a person.' }),
    eventId: Type.String({ description: 'The line of the request that it was concluded from.' }),
  }, { description: 'Of a line that carries no id itself and was given to the request (`requestIdSource` is `inherited`): why.' })),
});

export const RequestSummarySchema = Type.Object({
  id: Type.String({ description: 'The strongest id the request is known under.' }),
  services: Type.Array(Type.String(), { description: 'In the order of their first line.' }),
  from: Type.String(),
  to: Type.String(),
  durationMs: Type.Number(),
  lines: Type.Integer(),
  errors: Type.Integer({ description: 'Lines of level error or fatal.' }),
  title: Type.String({ description: "What the request was: method and path where a line says them, else its first line's message." }),
});

export const JoinSchema = Type.Object({
  kind: Type.String(),
  value: Type.String(),
  owner: Type.String({ description: 'The id that owns it.' }),
  proofEventId: Type.String({ description: 'A line that carries both.' }),
});

export const TimelineSchema = Type.Object({
  id: Type.String({ description: 'The strongest id of the request; asked for under any of `ids`.' }),
  asked: Type.String(),
  ids: Type.Array(IdSchema),
  joins: Type.Array(JoinSchema, { description: 'Which line proves that an id belongs to this request.' }),
  services: Type.Array(Type.String(), { description: 'In the order of their first line.' }),
  from: nullable(Type.String()),
  to: nullable(Type.String()),
  events: Type.Array(EventSchema, { description: 'By time, source, position in the rotation chain, streamOffset.' }),
  gaps: Type.Array(EventSchema),
  clocks: Type.Array(Type.Object({ domain: Type.String(), services: Type.Array(Type.String()), offsetNs: nullable(Type.String()), errorNs: nullable(Type.String()) })),
  grouping: nullable(Type.Object({ kind: Type.String(), requests: Type.Array(RequestSummarySchema) }, { description: 'Set where the id groups several requests: it merges none, and lists them.' })),
  truncated: Type.Boolean(),
  truncatedBecause: nullable(Type.String()),
  inference: nullable(Type.Object({
    lines: Type.Integer({ description: 'Lines among `events` that carry no id and were given to the request, each with its `evidence`.' }),
    events: Type.Integer({ description: 'Events looked at for them.' }),
    ms: Type.Number(),
    cutBecause: nullable(Type.String({ description: 'Why less was looked at than should have been.' })),
  }, { description: 'Null where it was switched off.' })),
});

export const TimelineQuerySchema = Type.Object({
  inferred: Type.Optional(Type.Boolean({ default: true, description: 'Also lines that carry no id and are the request\'s by evidence.' })),
}, { additionalProperties: false });

export const ScannedSchema = Type.Object({
  events: Type.Integer({ description: 'Events looked at.' }),
  bytes: Type.Integer({ description: 'Of their lines.' }),
  blocks: Type.Integer({ description: 'Blocks looked into.' }),
  passedOver: Type.Integer({ description: 'Blocks that a filter said hold no match.' }),
  ms: Type.Number(),
});

export const EventsAnswerSchema = Type.Object({
  events: Type.Array(EventSchema, { description: 'Newest first.' }),
  cursor: nullable(Type.String({ description: 'Give it back as `cursor` for the next page; null at the end.' })),
  truncated: Type.Boolean({ description: 'True where a limit of work cut the search; `scanned` says what was looked at.' }),
  scanned: ScannedSchema,
  hint: nullable(Type.String()),
});

export const RequestsAnswerSchema = Type.Object({
  requests: Type.Array(RequestSummarySchema),
  cursor: nullable(Type.String()),
  truncated: Type.Boolean(),
  scanned: ScannedSchema,
});

export const HistogramAnswerSchema = Type.Object({
  stepMs: Type.Integer({ description: 'Width of a bar; bars begin at its multiples since the epoch.' }),
  bars: Type.Array(Type.Object({ from: Type.String(), key: nullable(Type.String({ description: 'The level or service; null for events without one, and where none was asked for.' })), count: Type.Integer() }), { description: 'Ascending by time, then by key; what holds nothing is no bar.' }),
  count: Type.Integer(),
  truncated: Type.Boolean({ description: 'True where a limit of work cut it: counts are then at least these, the newest complete.' }),
  scanned: ScannedSchema,
});

export const FacetsAnswerSchema = Type.Object({
  facets: Type.Array(Type.Object({
    field: Type.String(),
    values: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() }), { description: 'Descending by count.' }),
    distinct: Type.Integer({ description: 'Different values, as far as they were told apart.' }),
    events: Type.Integer({ description: 'Events that have the field.' }),
    uncounted: Type.Integer({ description: 'Events whose value was not counted: too many different ones had come before it.' }),
  })),
  count: Type.Integer(),
  truncated: Type.Boolean(),
  scanned: ScannedSchema,
});

export const TemplatesAnswerSchema = Type.Object({
  templates: Type.Array(Type.Object({
    id: Type.String({ description: 'Made from the text alone: the same in every store.' }),
    template: Type.String({ description: 'The message with `<*>` for each of its values.' }),
    service: nullable(Type.String()),
    count: Type.Integer(),
    firstAt: Type.String({ description: 'Of the events that were looked at.' }),
    lastAt: Type.String(),
    query: Type.String({ description: 'Finds its events.' }),
  }), { description: 'Descending by count.' }),
  distinct: Type.Integer({ description: 'Templates there are, per service, as far as they were told apart.' }),
  events: Type.Integer({ description: 'Events that have a template.' }),
  uncounted: Type.Integer({ description: 'Events whose template was not counted: too many different ones had come before it.' }),
  truncated: Type.Boolean({ description: 'True where a limit of work cut it: counts are then at least these, the newest complete.' }),
  scanned: ScannedSchema,
});

export const ContextAnswerSchema = Type.Object({ events: Type.Array(EventSchema, { description: 'In stream order, the event itself among them.' }), truncated: Type.Boolean() });

export const StreamStatusSchema = Type.Object({
  streamId: Type.String(),
  source: Type.String(),
  service: nullable(Type.String()),
  path: nullable(Type.String()),
  closed: Type.Boolean(),
  sizeBytes: Type.Integer({ description: 'Bytes written to the stream so far, as last seen.' }),
  readBytes: Type.Integer(),
  acknowledgedBytes: Type.Integer(),
  storedBytes: Type.Integer(),
  lagBytes: Type.Integer({ description: 'Written and not yet stored.' }),
  lines: Type.Integer(),
  events: Type.Integer(),
  droppedBytes: Type.Record(Type.String(), Type.Integer(), { description: 'By cause.' }),
  gapBytes: Type.Integer(),
  lastReadAt: nullable(Type.String()),
});

export const StreamsAnswerSchema = Type.Object({
  streams: Type.Array(StreamStatusSchema),
  totals: Type.Object({ streams: Type.Integer(), bytes: Type.Integer(), storedBytes: Type.Integer(), lagBytes: Type.Integer(), lines: Type.Integer(), events: Type.Integer(), droppedBytes: Type.Integer() }),
  store: Type.Object({ files: Type.Integer(), bytes: Type.Integer(), events: Type.Integer(), unfilteredBlocks: Type.Integer({ description: 'Blocks with more words than are kept: every search looks into them.' }), oldest: nullable(Type.String()), newest: nullable(Type.String()) }),
  limits: Type.Array(Type.Object({ limit: Type.String(), count: Type.Integer(), message: Type.String() }), { description: 'Limits that were reached since the start.' }),
});

export const AlertSchema = Type.Object({
  episodeId: Type.String(),
  revision: Type.Integer(),
  rule: Type.String(),
  key: Type.Record(Type.String(), Type.String(), { description: 'The values of the rule\'s `by` fields.' }),
  state: Type.Union([Type.Literal('firing'), Type.Literal('resolved')]),
  openedAt: Type.String({ description: 'Event time of the event that made the count.' }),
  firstAt: Type.String(),
  lastAt: Type.String({ description: 'Event time of the last counted event.' }),
  resolvedAt: nullable(Type.String()),
  foundAt: Type.String({ description: 'When Leadline saw it, by its own clock.' }),
  count: Type.Integer({ description: 'Counted events since the first of the window that opened it.' }),
  peak: Type.Integer({ description: 'Most counted events in one window.' }),
  told: Type.Boolean({ description: 'False for an episode that was over more than an hour before it was found.' }),
  topError: nullable(Type.Object({ message: Type.String(), count: Type.Integer(), exceptionType: nullable(Type.String()) })),
  services: Type.Array(Type.String()),
  requests: Type.Array(Type.Object({ id: Type.String(), url: Type.String() }), { description: 'Sample requests that failed.' }),
  url: Type.String(),
});

export const AlertsAnswerSchema = Type.Object({ alerts: Type.Array(AlertSchema, { description: 'Newest first.' }) });

const deadLetter = {
  id: Type.String(),
  state: Type.String({ description: 'waiting, replayed, or returned: it was replayed and could not be taken in again.' }),
  time: Type.String({ description: 'When it became a dead letter, RFC 3339.' }),
  replayedAt: nullable(Type.String()),
  reason: Type.String(),
  topic: Type.String(),
  partition: Type.Integer(),
  recordOffset: Type.String({ description: 'Where the record lay; a 64-bit number.' }),
  recordOffsetEnd: Type.Optional(Type.String({ description: 'Behind the last record of a batch that could not be taken apart.' })),
  source: nullable(Type.String()),
  bytes: Type.Integer(),
};
export const DeadLetterSchema = Type.Object(deadLetter);
export const DeadLetterContentSchema = Type.Object({
  ...deadLetter,
  headers: nullable(Type.Record(Type.String(), Type.String())),
  value: Type.Optional(nullable(Type.String({ description: 'Null where the record is not in Kafka any more.' }))),
  valueBase64: Type.Optional(Type.String({ description: 'In place of a value that is not valid UTF-8.' })),
});
export const DeadLettersAnswerSchema = Type.Object({ letters: Type.Array(DeadLetterSchema, { description: 'In the order in which the records lay.' }), truncated: Type.Boolean({ description: 'There are more than `limit`.' }) });
export const DeadLettersQuerySchema = Type.Object({
  all: Type.Optional(Type.Boolean({ default: false, description: 'Also those that were replayed.' })),
  reason: Type.Optional(Type.String({ maxLength: 1000, description: 'Only those whose reason has this text.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1000 })),
});

export const ErrorSchema = Type.Object({
  code: Type.String(),
  message: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), code: Type.String(), message: Type.String(), column: Type.Optional(Type.Integer({ description: 'Of a mistake in a query, 1-based.' })), length: Type.Optional(Type.Integer()) }))),
});

/** Query strings. Times are RFC 3339, a date, or a span back from now such as `15m`. */
export const SearchQuerySchema = Type.Object({
  query: Type.Optional(Type.String({ maxLength: 10_000, default: '' })),
  since: Type.Optional(Type.String()),
  until: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 100 })),
  cursor: Type.Optional(Type.String()),
}, { additionalProperties: false });

export const HistogramQuerySchema = Type.Object({
  query: Type.Optional(Type.String({ maxLength: 10_000, default: '' })),
  since: Type.Optional(Type.String()),
  until: Type.Optional(Type.String()),
  step: Type.Optional(Type.String({ description: 'Width of a bar: 1s, 5m, 1h.' })),
  by: Type.Optional(Type.Union([Type.Literal('level'), Type.Literal('service')])),
}, { additionalProperties: false });

export const FacetsQuerySchema = Type.Object({
  query: Type.Optional(Type.String({ maxLength: 10_000, default: '' })),
  since: Type.Optional(Type.String()),
  until: Type.Optional(Type.String()),
  fields: Type.Optional(Type.String({ maxLength: 2000, description: 'Names with commas between them.', default: 'service,level,exceptionType' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 10 })),
}, { additionalProperties: false });

export const TemplatesQuerySchema = Type.Object({
  query: Type.Optional(Type.String({ maxLength: 10_000, default: '', description: 'Which events, such as service:cart level>=error.' })),
  since: Type.Optional(Type.String()),
  until: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 50 })),
}, { additionalProperties: false });

export const ContextQuerySchema = Type.Object({
  before: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000, default: 20 })),
  after: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000, default: 20 })),
}, { additionalProperties: false });

export const RequestsQuerySchema = Type.Object({
  query: Type.Optional(Type.String({ maxLength: 10_000, default: '' })),
  since: Type.Optional(Type.String()),
  until: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
  cursor: Type.Optional(Type.String()),
}, { additionalProperties: false });

export const TailQuerySchema = Type.Object({ query: Type.Optional(Type.String({ maxLength: 10_000, default: '' })) }, { additionalProperties: false });

export type EventBody = Static<typeof EventSchema>;
export type RequestSummary = Static<typeof RequestSummarySchema>;
export type TimelineBody = Static<typeof TimelineSchema>;
export type EventsAnswer = Static<typeof EventsAnswerSchema>;
export type HistogramBody = Static<typeof HistogramAnswerSchema>;
export type FacetsBody = Static<typeof FacetsAnswerSchema>;
export type TemplatesBody = Static<typeof TemplatesAnswerSchema>;
export type ContextBody = Static<typeof ContextAnswerSchema>;
export type RequestsAnswer = Static<typeof RequestsAnswerSchema>;
export type StreamsAnswer = Static<typeof StreamsAnswerSchema>;
export type StreamStatus = Static<typeof StreamStatusSchema>;
export type AlertBody = Static<typeof AlertSchema>;
export type AlertsAnswer = Static<typeof AlertsAnswerSchema>;
export type DeadLetterBody = Static<typeof DeadLetterSchema>;
export type DeadLetterContentBody = Static<typeof DeadLetterContentSchema>;
export type ErrorBody = Static<typeof ErrorSchema>;
