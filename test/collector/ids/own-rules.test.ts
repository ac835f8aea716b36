import test from 'ava';
import { understandLine } from '../../../collector/formats/understand.ts';
import { LineAssembler } from '../../../collector/lines/assembler.ts';
import { useOwnIdRules } from '../../../collector/ids/own-rules.ts';
import { defaultOptions } from '#schemas/options.ts';
import { madeChunk } from '../../contract/made-up.ts';

const briefOf = (line: string): string[] => understandLine(Buffer.from(line)).ids.map(({ kind, name, value }) => `${kind} ${name} ${value}`);

function withRules(fields: string[], patterns: string[], run: () => void): void {
  useOwnIdRules(fields, patterns);
  try {
    run();
  } finally {
    useOwnIdRules();
  }
}

test.serial('names of the user hold ids of the kind they say, in fields, headers and text, and no longer than they are in force', t => {
  const lines = ['{"orderRef":"A-1234","headers":{"x-shop-call":"call-1"},"msg":"x"}', 'paid OrderRef=A-1234 for cart_key: key-77, X-Shop-Call: call-1'];
  for (const line of lines) t.deepEqual(briefOf(line), [], line);
  withRules(['order_ref=request', 'X-Shop-Call=trace', 'cartKey=session'], [], () => {
    t.deepEqual(briefOf(lines[0]!), ['trace headers.x-shop-call call-1', 'request orderRef A-1234']);
    t.deepEqual(briefOf(lines[1]!), ['trace X-Shop-Call call-1', 'request OrderRef A-1234', 'session cart_key key-77']);
  });
  for (const line of lines) t.deepEqual(briefOf(line), [], line);
});

test.serial("a name of the user's comes before what it would be otherwise", t => {
  withRules(['request_id=session'], [], () => t.deepEqual(briefOf('request_id=abcd-1'), ['session request_id abcd-1']));
});

test.serial('named groups of patterns are ids in text; what they match and is no id is none', t => {
  withRules([], ['order (?<request>ORD-[0-9]+)', 'batch<(?<job>[^>]*)>.*?<(?<correlation_outer>[^>]*)>'], () => {
    t.deepEqual(briefOf('INFO order ORD-8123 paid'), ['request request ORD-8123']);
    t.deepEqual(briefOf('run of batch<b-17> in <outer-1>'), ['correlation correlation_outer outer-1', 'job job b-17']);
    t.deepEqual(briefOf('run of batch<-> in <>'), []);
    t.deepEqual(briefOf('INFO orders ORD-8123'), []);
    t.deepEqual(briefOf('{"message":"order ORD-8123 paid"}'), ['request request ORD-8123']);
  });
});

test.serial('each stream is read by the rules it was made with', t => {
  const ids = (idFields: string[]): ((from: number) => string[]) => {
    const assembler = new LineAssembler({ ...defaultOptions(), idFields });
    return from => assembler.add(madeChunk('a', from, 'orderRef=A-1234\n'), [{ from, to: from + 16, bytes: Buffer.from('orderRef=A-1234'), newline: true }]).concat(assembler.closeAll()).flatMap(({ understood }) => understood.ids.map(({ kind }) => kind));
  };
  const [own, plain] = [ids(['orderRef=request']), ids([])];
  t.deepEqual([own(0), plain(0), own(16)], [['request'], [], ['request']]);
});
