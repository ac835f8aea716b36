import test from 'ava';
import type { EventId } from '#schemas/event.ts';
import { addIdsOfText, IdList } from '../../../collector/ids/extract.ts';
import { idRuleOfName } from '../../../collector/ids/rule.ts';
import { understandLine, type Understood } from '../../../collector/formats/understand.ts';
import { corpusText } from '../formats/corpus.ts';

const understand = (line: string): Understood => understandLine(Buffer.from(line));
const brief = (ids: readonly EventId[]): string[] => ids.map(({ kind, name, value }) => `${kind} ${name} ${value}`);
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';

for (const [name, kind] of [
  ['traceId', 'trace'], ['trace_id', 'trace'], ['trace.id', 'trace'], ['TraceID', 'trace'], ['TRACE_ID', 'trace'], ['traceid', 'trace'], ['dd.trace_id', 'trace'], ['X-B3-TraceId', 'trace'], ['x-datadog-trace-id', 'trace'], ['mdc.traceId', 'trace'],
  ['span_id', 'span'], ['SpanID', 'span'], ['x-b3-spanid', 'span'],
  ['request_id', 'request'], ['requestId', 'request'], ['req_id', 'request'], ['reqId', 'request'], ['http.req.id', 'request'], ['req.headers.x-request-id', 'request'], ['request.id', 'request'], ['XRequestID', 'request'],
  ['correlation-id', 'correlation'], ['X-Correlation-Id', 'correlation'], ['CorrelationId', 'correlation'],
  ['session', 'session'], ['session.id', 'session'], ['sessionId', 'session'], ['user_id', 'user'], ['userId', 'user'], ['job.id', 'job'], ['connectionId', 'connection'], ['conn_id', 'connection'],
  ['id', null], ['pid', null], ['order_id', null], ['valid', null], ['request', null], ['user', null], ['trace_flags', null], ['sessions', null], ['grid', null], ['container.id', null],
] as const) {
  test(`a name says what its value is: ${name} -> ${kind}`, t => {
    t.is(idRuleOfName(name)?.kind ?? null, kind);
  });
}

// [text, ids, where the request id came from]
for (const [text, ids, source] of [
  [`TraceID: ${trace} SpanID: ${span} Request started`, [`trace TraceID ${trace}`, `span SpanID ${span}`], 'text:TraceID'],
  [`paid trace_id=${trace}, ok`, [`trace trace_id ${trace}`], 'text:trace_id'],
  [`INFO [traceId=${trace}, spanId=${span}] x`, [`trace traceId ${trace}`, `span spanId ${span}`], 'text:traceId'],
  [`INFO [cart,${trace},${span}] x`, [`trace trace.id ${trace}`, `span span.id ${span}`], 'field:trace.id'],
  [`traceparent: 00-${trace}-${span}-01`, [`trace traceparent ${trace}`, `span traceparent ${span}`], 'header:traceparent'],
  [`calling with 00-${trace}-${span}-01.`, [`trace traceparent ${trace}`, `span traceparent ${span}`], 'header:traceparent'],
  [`TRACEPARENT=00-${trace}-${span}-01`, [`trace TRACEPARENT ${trace}`, `span TRACEPARENT ${span}`], 'header:TRACEPARENT'],
  [`b3: ${trace}-${span}-1`, [`trace b3 ${trace}`, `span b3 ${span}`], 'header:b3'],
  [`X-B3-TraceId: a3ce929d0e0e4736 X-B3-SpanId: ${span}`, ['trace X-B3-TraceId a3ce929d0e0e4736', `span X-B3-SpanId ${span}`], 'header:X-B3-TraceId'],
  [`uber-trace-id: a3ce929d0e0e4736:${span}:0:1`, ['trace uber-trace-id a3ce929d0e0e4736', `span uber-trace-id ${span}`], 'header:uber-trace-id'],
  ['X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1', ['trace X-Amzn-Trace-Id 1-5759e988-bd862e3fe1be46a994272793', 'span X-Amzn-Trace-Id 53995c3f42cd8ad8'], 'header:X-Amzn-Trace-Id'],
  [`X-Cloud-Trace-Context: ${trace}/12345;o=1`, [`trace X-Cloud-Trace-Context ${trace}`, 'span X-Cloud-Trace-Context 12345'], 'header:X-Cloud-Trace-Context'],
  ['X-Request-Id: 5f3c9a, done.', ['request X-Request-Id 5f3c9a'], 'header:X-Request-Id'],
  ['request_id="5f3c9a"', ['request request_id 5f3c9a'], 'text:request_id'],
  ['Request ID: 5f3c9a.', ['request Request ID 5f3c9a'], 'text:Request ID'],
  ['{:request_id=>"5f3c9a"}', ['request request_id 5f3c9a'], 'text:request_id'],
  ['body {"requestId": "5f3c9a"}', ['request requestId 5f3c9a'], 'text:requestId'],
  ['nova [req-cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2 admin] GET', ['request req req-cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2'], 'text:req'],
  ['for correlationId=abcd-1 session=s-12345 userId=u-12345', ['correlation correlationId abcd-1', 'session session s-12345', 'user userId u-12345'], 'text:correlationId'],
  ['request_id=- trace_id=undefined session=none userId=null jobId: 00000000-0000-0000-0000-000000000000', [], null],
  [`INFO [trace=${trace}, span=${span}] x`, [`trace trace ${trace}`, `span span ${span}`], 'text:trace'],
  [`trace: ${trace}:${span}:0:1`, [`trace trace ${trace}`, `span trace ${span}`], 'text:trace'],
  ['trace: level of the trace=on span=17', [], null],
  [`sentry-trace: ${trace}-${span}-1`, [`trace sentry-trace ${trace}`, `span sentry-trace ${span}`], 'header:sentry-trace'],
  ['x-datadog-trace-id: 8448318263184512345 x-datadog-parent-id: 844831826318451234', ['trace x-datadog-trace-id 8448318263184512345', 'span x-datadog-parent-id 844831826318451234'], 'header:x-datadog-trace-id'],
  [`Request-Id: |${trace}.${span}_1.`, [`trace Request-Id ${trace}`, `span Request-Id ${span}`], 'text:Request-Id'],
  ['CF-Ray: 7f1234567890abcd-FRA', ['request CF-Ray 7f1234567890abcd-FRA'], 'text:CF-Ray'],
  ['request_id=abc traceId=notahexvalue', [], null],
  ['the id: 12345 and valid: 5f3c9a', [], null],
] as const) {
  test(`ids in text: ${text}`, t => {
    const understood = understand(text);
    t.deepEqual(brief(understood.ids).toSorted(), [...ids].toSorted());
    t.is(understood.requestIdSource, source);
  });
}

// [fields, ids, where the request id came from]
for (const [fields, ids, source] of [
  [{ 'http.req.id': 'fc488aaa-165f-4927-a4c6-e6f25b196a7c', 'session': 'abcd-1', 'message': `TraceID: ${trace} x` }, [`trace TraceID ${trace}`, 'request http.req.id fc488aaa-165f-4927-a4c6-e6f25b196a7c', 'session session abcd-1'], 'text:TraceID'],
  [{ req: { headers: { 'x-request-id': 'abcd-1' } } }, ['request req.headers.x-request-id abcd-1'], 'header:req.headers.x-request-id'],
  [{ 'logging.googleapis.com/trace': `projects/shop/traces/${trace}`, 'logging.googleapis.com/spanId': span }, [`trace logging.googleapis.com/trace ${trace}`, `span logging.googleapis.com/spanId ${span}`], 'field:logging.googleapis.com/trace'],
  [{ 'dd.trace_id': '8448318263184512345', 'dd.span_id': '844831826318451' }, ['trace dd.trace_id 8448318263184512345', 'span dd.span_id 844831826318451'], 'field:dd.trace_id'],
  [{ '_dd.p.tid': '640cfd8d00000000', 'dd.trace_id': '8448318263184512345' }, ['trace dd.trace_id 8448318263184512345', 'trace dd.trace_id 640cfd8d00000000753e74b3028ed559'], 'field:dd.trace_id'],
  [{ '_dd.p.tid': '640cfd8d00000000' }, [], null],
  [{ reqId: 123456, job_id: 17 }, ['request reqId 123456'], 'field:reqId'],
  [{ trace: 'java.io.IOException', session: true, user_id: '' }, [], null],
  [{ traceId: trace.toUpperCase(), trace_id: trace, request_id: 'abcd-1' }, [`trace traceId ${trace.toUpperCase()}`, 'request request_id abcd-1'], 'field:traceId'],
  [{ headers: { traceparent: `00-${trace}-${span}-01` } }, [`trace headers.traceparent ${trace}`, `span headers.traceparent ${span}`], 'header:headers.traceparent'],
  [{ headers: { 'x-request-id': ['abcd-1', 'abcd-2'] } }, ['request headers.x-request-id abcd-1', 'request headers.x-request-id abcd-2'], 'header:headers.x-request-id'],
  [{ '@t': '2026-11-21T12:00:00Z', '@mt': 'x', '@tr': trace, '@sp': span }, [`trace @tr ${trace}`, `span @sp ${span}`], 'field:@tr'],
  [{ request_id: 'with space in it' }, [], null],
  [{ request_id: 'x'.repeat(301) }, [], null],
] as const) {
  test(`ids in fields: ${JSON.stringify(fields).slice(0, 120)}`, t => {
    const understood = understand(JSON.stringify(fields));
    t.deepEqual(brief(understood.ids), [...ids]);
    t.is(understood.requestIdSource, source);
  });
}

test('a listing of many ids is cut off', t => {
  const list = new IdList();
  addIdsOfText(list, Array.from({ length: 500 }, (_, index) => `request_id=abcd${index}`).join(' '));
  t.is(list.ids.length, 64);
});

test('corpus: W3C traceparent vectors, as a field and in text', t => {
  const file = corpusText(t, 'trace-context/traceparent-vectors.json');
  if (file === null) return;
  const { vectors } = JSON.parse(file) as { vectors: { header: string; valid: boolean; trace_id?: string; parent_id?: string }[] };
  for (const { header, valid, trace_id, parent_id } of vectors) {
    const expected = valid ? [trace_id!, parent_id!] : [];
    t.deepEqual(understand(JSON.stringify({ traceparent: header })).ids.map(({ value }) => value), expected, header);
    t.deepEqual(understand(`calls on, traceparent: ${header}`).ids.map(({ value }) => value), expected, header);
    t.deepEqual(understand(`calls on with ${header} there`).ids.map(({ value }) => value), expected, header);
  }
});
