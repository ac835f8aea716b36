import test from 'ava';
import { tellsOfARequest } from '../../../collector/ids/generated.ts';
import { eventOf } from '../../../collector/event-of.ts';
import { understandLine } from '../../../collector/formats/understand.ts';
import { LineAssembler } from '../../../collector/lines/assembler.ts';
import { canonicalId } from '#schemas/canonical-id.ts';
import { eventToJson } from '#schemas/event.ts';
import { eventIdOfGenerated, generatedIdOf } from '#schemas/generated-id.ts';
import { defaultOptions } from '#schemas/options.ts';
import { madeChunk } from '../../contract/made-up.ts';

const access = '10.0.0.1 - - [21/Nov/2026:08:15:01 +0000] "GET /cart HTTP/1.1" 200 12 "-" "curl/8"';

// [line, whether it tells of a request that has no id]
for (const [line, isGiven] of [
  [access, true],
  [`${access} 4bf92f3577b34da6a3ce929d0e0e4736`, false],
  ['{"level":"info","request":{"method":"GET","uri":"/cart"},"status":200,"msg":"handled request"}', true],
  ['{"level":30,"req":{"method":"GET","url":"/cart"},"res":{"statusCode":200},"msg":"request completed","session":"s-12345"}', true],
  ['{"level":30,"reqId":"req-1","req":{"method":"GET","url":"/cart"},"res":{"statusCode":200},"msg":"request completed"}', false],
  ['level=info method=GET path=/cart status=200', true],
  ['{"method":"GET","path":"/cart","msg":"request started"}', false],
  ['(root) CMD (run-parts /etc/cron.hourly)', true],
  ['INFO nothing to do', false],
  ['span_id=00f067aa0ba902b7 method=GET path=/ status=200', false],
] as const) {
  test(`${isGiven ? 'is' : 'is not'} a request that has no id: ${line}`, t => {
    t.is(tellsOfARequest(understandLine(Buffer.from(line))), isGiven);
  });
}

test('an event says that its id is generated, the same whenever its bytes are read', t => {
  const eventAt = (offset: number) => {
    const bytes = Buffer.from(access);
    const chunk = madeChunk('a', offset, `${access}\n`);
    const [group] = new LineAssembler(defaultOptions()).add(chunk, [{ bytes, from: offset, to: offset + bytes.length + 1, newline: true }]);
    return eventOf(chunk, group!, null);
  };
  t.like(eventAt(90), { requestId: null, requestIdSource: 'generated', ids: [] });
  t.like(eventToJson(eventAt(90)), { requestId: 'gen-a-90', requestIdSource: 'generated', confidence: 1, ids: [{ kind: 'request', name: 'generated', value: 'gen-a-90' }] });
  t.not(generatedIdOf(eventAt(0)), generatedIdOf(eventAt(90)));
});

test('the event is found by its generated id, whatever its stream is called', t => {
  for (const eventId of ['a1b2:4711', '0123456789abcdef0123456789abcdef.0:4711', '7d21d9e0-0250:0', 'Cluster/topic/3:17']) {
    const id = generatedIdOf({ requestIdSource: 'generated', eventId })!;
    t.is(canonicalId(id), id);
    t.is(eventIdOfGenerated(id), eventId);
  }
  t.is(generatedIdOf({ requestIdSource: 'generated', eventId: '0123456789abcdef0123456789abcdef.1:4711' }), 'gen-0123456789abcdef0123456789abcdef.1-4711', 'as shippers name streams it is short');
  t.is(generatedIdOf({ requestIdSource: null, eventId: 'a:1' }), null);
  for (const id of ['gen-', 'gen-a', 'genx-zz', 'gen-a-b', '4bf92f3577b34da6a3ce929d0e0e4731']) t.is(eventIdOfGenerated(id), null, id);
});
