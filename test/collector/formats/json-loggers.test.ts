/** A line of each JSON logger as it writes by default or is often set up to: time, level, message, exception. */
import test from 'ava';
import { formatTimeNs, type Level } from '#schemas/event.ts';
import { understandLine } from '../../../collector/formats/understand.ts';

type Case = [logger: string, line: string, time: string | null, level: Level | null, message: string, exceptionType?: string];

const second = '2022-08-22T05:18:16';
const cases: Case[] = [
  ['winston', `{"level":"info","message":"hi","timestamp":"${second}.123Z"}`, '.123', 'info', 'hi'],
  ['winston, level in colour', `{"level":"\\u001b[33mwarn\\u001b[39m","message":"\\u001b[1mhi\\u001b[0m","timestamp":"${second}.123Z"}`, '.123', 'warn', 'hi'],
  ['pino with an error', `{"level":50,"time":1661145496154,"pid":1,"msg":"no","err":{"type":"TypeError","message":"q","stack":"TypeError: q\\n    at x (y:1:2)"}}`, '.154', 'error', 'no', 'TypeError'],
  ['pino, ISO time and named level', `{"level":"error","time":"${second}.154Z","msg":"no"}`, '.154', 'error', 'no'],
  ['logrus', `{"level":"warning","msg":"hi","time":"2022-08-22T07:18:16+02:00"}`, '', 'warn', 'hi'],
  ['zap, ISO', `{"level":"dpanic","ts":"2022-08-22T07:18:16.123+0200","caller":"a.go:1","msg":"hi"}`, '.123', 'fatal', 'hi'],
  ['zap, milliseconds', `{"level":"info","ts":1661145496154.772,"msg":"hi"}`, '.154772', 'info', 'hi'],
  ['zap, nanoseconds', `{"level":"info","ts":1661145496154772363,"msg":"hi"}`, '.154772363', 'info', 'hi'],
  ['zerolog', `{"level":"fatal","time":1661145496,"message":"hi"}`, '', 'fatal', 'hi'],
  ['zerolog, microseconds', `{"level":"trace","time":1661145496154772,"message":"hi"}`, '.154772', 'trace', 'hi'],
  ['slog between levels', `{"time":"${second}.1Z","level":"INFO+2","msg":"hi"}`, '.1', 'info', 'hi'],
  ['log15', `{"t":"${second}Z","lvl":"eror","msg":"hi"}`, '', 'error', 'hi'],
  ['hclog', `{"@level":"info","@message":"hi","@module":"agent","@timestamp":"${second}.123456Z"}`, '.123456', 'info', 'hi'],
  ['python-json-logger', `{"asctime":"2022-08-22 05:18:16,123","levelname":"CRITICAL","message":"hi"}`, '.123', 'fatal', 'hi'],
  ['structlog', `{"event":"hi","level":"info","timestamp":"${second}.123456Z"}`, '.123456', 'info', 'hi'],
  ['loguru', `{"text":"x","record":{"level":{"name":"SUCCESS","no":25},"message":"hi","time":{"repr":"2022-08-22 05:18:16.123456+00:00","timestamp":1661145496.123456},"exception":{"type":"ValueError"}}}`, '.123456', 'info', 'hi', 'ValueError'],
  ['AWS Lambda Powertools', `{"level":"ERROR","location":"handler:7","message":"hi","timestamp":"2022-08-22 05:18:16,123+0000"}`, '.123', 'error', 'hi'],
  ['logstash-logback-encoder', `{"@timestamp":"2022-08-22T07:18:16.123+02:00","@version":"1","message":"hi","logger_name":"c.e.X","thread_name":"main","level":"DEBUG","level_value":10000}`, '.123', 'debug', 'hi'],
  ['log4j2', `{"timeMillis":1661145496123,"thread":"main","level":"WARN","loggerName":"c.e.X","message":"hi","thrown":{"name":"java.io.IOException"}}`, '.123', 'warn', 'hi', 'java.io.IOException'],
  ['Quarkus', `{"timestamp":"2022-08-22T07:18:16.123+02:00","sequence":1,"loggerName":"c.e.X","level":"INFO","message":"hi"}`, '.123', 'info', 'hi'],
  ['ECS with an error', `{"@timestamp":"${second}.123Z","log.level":"ERROR","message":"hi","error.type":"java.io.IOException","error.stack_trace":"java.io.IOException: x\\n\\tat a.B.c(B.java:1)"}`, '.123', 'error', 'hi', 'java.io.IOException'],
  ['GELF with an exception', '{"version":"1.1","host":"h","short_message":"hi","full_message":"java.io.IOException: x\\n\\tat a.B.c(B.java:1)","timestamp":1661145496.123,"level":3}', '.123', 'error', 'hi', 'java.io.IOException'],
  ['GELF', '{"version":"1.1","host":"h","short_message":"hi","timestamp":1661145496.123,"level":6}', '.123', 'info', 'hi'],
  ['Serilog', `{"Timestamp":"2022-08-22T07:18:16.1234567+02:00","Level":"Warning","MessageTemplate":"h{X}","RenderedMessage":"hi"}`, '.1234567', 'warn', 'hi'],
  ['Serilog compact', `{"@t":"${second}.1234567Z","@mt":"hi","@l":"Fatal","@x":"System.IO.IOException: x\\n   at A.B() in x.cs:line 1"}`, '.1234567', 'fatal', 'hi', 'System.IO.IOException'],
  ['Microsoft.Extensions.Logging', `{"Timestamp":"${second}","EventId":14,"LogLevel":"Critical","Category":"Shop","Message":"hi","State":{"Message":"hi"}}`, '', 'fatal', 'hi'],
  ['NLog', '{"time":"2022-08-22 05:18:16.1234","level":"TRACE","message":"hi"}', '.1234', 'trace', 'hi'],
  ['Monolog', `{"message":"hi","context":{},"level":400,"level_name":"ERROR","channel":"app","datetime":"2022-08-22T05:18:16.123456+00:00","extra":{}}`, '.123456', 'error', 'hi'],
  ['Monolog 1', `{"message":"hi","level":200,"level_name":"INFO","datetime":{"date":"2022-08-22 05:18:16.123456","timezone":"UTC"}}`, '.123456', 'info', 'hi'],
  ['semantic_logger', `{"host":"h","timestamp":"${second}.123Z","level":"info","level_index":2,"message":"hi"}`, '.123', 'info', 'hi'],
  ['tracing', `{"timestamp":"${second}.123456Z","level":"ERROR","fields":{"message":"hi","order":1},"target":"app"}`, '.123456', 'error', 'hi'],
  ['GCP', `{"severity":"ALERT","message":"hi","timestampSeconds":1661145496,"timestampNanos":5}`, '.000000005', 'fatal', 'hi'],
  ['OpenTelemetry, severity text', '{"timeUnixNano":"1661145496154772363","severityText":"WARN","severityNumber":13,"body":{"stringValue":"hi"}}', '.154772363', 'warn', 'hi'],
  ['Elasticsearch', `{"type":"server","timestamp":"${second},123Z","level":"INFO","component":"o.e.n.Node","message":"hi"}`, '.123', 'info', 'hi'],
  ['MongoDB', `{"t":{"$date":"2022-08-22T07:18:16.123+02:00"},"s":"E","c":"NETWORK","msg":"hi"}`, '.123', 'error', 'hi'],
  ['Postgres', '{"timestamp":"2022-08-22 05:18:16.123 UTC","pid":7,"error_severity":"LOG","message":"hi"}', '.123', 'info', 'hi'],
  ['Caddy', `{"level":"info","ts":1661145496.154772,"logger":"http.log.access","msg":"hi","request":{"method":"GET"},"status":200}`, '.154772', 'info', 'hi'],
  ['nginx with milliseconds beside', '{"time":"2022-08-22T05:18:16+00:00","msec":"1661145496.123","message":"hi"}', '.123', null, 'hi'],
  ['nginx', '{"time_iso8601":"2022-08-22T05:18:16+00:00","status":"200","request":"GET / HTTP/1.1"}', '', null, '{"time_iso8601":"2022-08-22T05:18:16+00:00","status":"200","request":"GET / HTTP/1.1"}'],
  ['Envoy', `{"start_time":"${second}.123Z","method":"GET","response_code":200}`, '.123', null, `{"start_time":"${second}.123Z","method":"GET","response_code":200}`],
  ['Kubernetes audit', `{"kind":"Event","level":"Metadata","stage":"ResponseComplete","stageTimestamp":"${second}.123456Z"}`, '.123456', null, `{"kind":"Event","level":"Metadata","stage":"ResponseComplete","stageTimestamp":"${second}.123456Z"}`],
  ['journald', '{"__REALTIME_TIMESTAMP":"1661145496154772","PRIORITY":"4","MESSAGE":"hi","_PID":"7"}', '.154772', 'warn', 'hi'],
  ['Fluent Bit', '{"date":1661145496.154772,"log":"hi"}', '.154772', null, 'hi'],
  ['Datadog', `{"status":"error","date":"${second}Z","message":"hi"}`, '', 'error', 'hi'],
  ['with spaces, as Python writes it', `{"time": "${second}Z", "level": "INFO", "msg": "hi"}`, '', 'info', 'hi'],
  ['Nest', '{"level":"log","timestamp":1661145496123,"message":"hi"}', '.123', 'info', 'hi'],
  ['slog-json', `{"msg":"hi","level":"ERRO","ts":"${second}.123Z"}`, '.123', 'error', 'hi'],
  ['Roarr', '{"context":{"logLevel":50},"message":"hi","time":1661145496123}', '.123', 'error', 'hi'],
  ['tslog', `{"message":"hi","_meta":{"date":"${second}.123Z","logLevelName":"WARN"}}`, '.123', 'warn', 'hi'],
  ['a level as an object', '{"level":{"name":"warn","value":40},"time":1661145496123,"msg":"hi"}', '.123', 'warn', 'hi'],
  ['a time as MongoDB exports it', `{"time":{"$date":"${second}.123Z"},"severity":"INFO","message":"hi"}`, '.123', 'info', 'hi'],
  ['logback, its own', '{"timestamp":1661145496123,"level":"INFO","message":"h{}","arguments":["i"],"formattedMessage":"hi","throwable":{"className":"java.io.IOException","message":"x"}}', '.123', 'info', 'hi', 'java.io.IOException'],
  ['log4j, by number', '{"timeMillis":1661145496123,"level":40000,"message":"hi"}', '.123', 'error', 'hi'],
  ['GCP, by number', `{"timestamp":"${second}.123Z","severity":400,"textPayload":"hi"}`, '.123', 'warn', 'hi'],
  ['a stack of lines', '{"level":"error","time":1661145496123,"msg":"hi","stack":["TypeError: x","    at y (z.js:1:2)"]}', '.123', 'error', 'hi', 'TypeError'],
  ['Fluent Bit around JSON', '{"log":"{\\"level\\":\\"error\\",\\"time\\":1661145496123,\\"msg\\":\\"hi\\"}","stream":"stderr"}', '.123', 'error', 'hi'],
  ['Filebeat around text', `{"@timestamp":"${second}.123Z","message":"${second} [error] hi"}`, '.123', 'error', `${second} [error] hi`],
  ['lambda-log', '{"_logLevel":"error","msg":"hi"}', null, 'error', 'hi'],
  ['over several lines', `{\n  "time": "${second}Z",\n  "level": "INFO",\n  "msg": "hi"\n}`, '', 'info', 'hi'],
];

for (const [logger, line, fraction, level, message, exceptionType] of cases) {
  test(`JSON logger ${logger}`, t => {
    const understood = understandLine(Buffer.from(line));
    t.is(understood.timeNs === null ? null : formatTimeNs(understood.timeNs), fraction === null ? null : `${`${second}${fraction === '' ? '.' : fraction}`.padEnd(29, '0')}Z`);
    t.deepEqual([understood.format, understood.level, understood.message, understood.exceptionType], ['json', level, message, exceptionType ?? null]);
  });
}

test('what only looks like a time or a level is a field', t => {
  const { timeNs, level, fields } = understandLine(Buffer.from('{"time":"soon","ts":12,"level":"premium","status":500,"priority":3,"date":"2022-08-22","msg":"hi"}'));
  t.deepEqual([timeNs, level, Object.keys(fields).length], [null, null, 7]);
});
