/**
 * What a field's name says about its value: the line's time, level, message, exception, or an id. Names are compared whole, flattened and in lower
 * case, and ranked: `level` beats `severity`, so a line with both is read the same way whatever their order. 0 is the strongest rank.
 */
import { idRuleOfName, type IdRule } from '../ids/rule.ts';

export interface FieldRoles {
  time: number | null;
  level: number | null;
  /** How a number under a level's name counts. */
  levelScale: 'usual' | 'google' | 'names' | 'otel' | 'python' | 'letter' | 'postgres';
  message: number | null;
  exceptionType: number | null;
  /** The value may be a stack trace. */
  isStack: boolean;
  /** Time in two numbers, as log4j2 and Google's libraries give it. */
  timeSeconds: boolean;
  timeNanos: boolean;
  id: IdRule | null;
  /** None of these: the value is a field and nothing else. */
  isNone: boolean;
}

const ranksOf = (names: string): Map<string, number> => new Map(names.split(/\s+/).map((name, rank) => [name, rank]));

const timeNames = ranksOf('time timestamp @timestamp ts @t t.$date t eventtime event_time timeunixnano time_unix_nano datetime date @time timemillis timestampms asctime log_time logtime created created_at started_at start_time stagetimestamp requestreceivedtimestamp time_iso8601 time_local msec __realtime_timestamp datetime.date record.time.timestamp record.time.repr fields.time @fields.time fields.timestamp fields.ts syslog.timestamp _meta.date time.$date timestamp.$date event_timestamp eventtimestamp log_timestamp logtimestamp');
const levelNames = ranksOf('level log.level loglevel log_level lvl levelname level_name severity severitytext severity_text @l @level log.severity s priority severitynumber severity_number levelno status error_severity record.level.name fields.level @fields.level fields.lvl @fields.lvl fields.severity @fields.severity syslog.severity context.loglevel _loglevel _meta.loglevelname level.name levelstr');
const messageNames = ranksOf('formattedmessage message msg @message @m short_message log_message renderedmessage record.message text body body.stringvalue fields.message fields.msg @fields.message @fields.msg jsonpayload.message event @mt messagetemplate textpayload log error.message err.message exception.message error err exception');
const exceptionTypeNames = ranksOf('error.type exception.type err.type error.name err.name exception.name error.class exception.class error.kind exception.class_name exception_type error_type thrown.name record.exception.type throwable.class throwable.classname exception.exceptiontype exception.exception_class errortype');
const stackNames = ranksOf('error.stack_trace err.stack error.stack exception.stacktrace exception.stack_trace stack_trace stacktrace stack exc_info exc_text traceback exception @x error err thrown.extendedstacktrace full_message');
const secondsNames = ranksOf('instant.epochsecond timestamp.seconds timestampseconds');
const nanosNames = ranksOf('instant.nanoofsecond timestamp.nanos timestampnanos');

function readRoles(name: string): FieldRoles {
  const lower = name.toLowerCase();
  const levelScale: FieldRoles['levelScale'] = lower.startsWith('severitynumber') || lower === 'severity_number' ? 'otel' : lower === 'levelno' ? 'python' : lower === 'error_severity' ? 'postgres' : lower === 's' ? 'letter' : lower === 'severity' ? 'google' : lower === 'priority' || lower === 'status' ? 'names' : 'usual';
  const roles = {
    time: timeNames.get(lower) ?? null,
    level: levelNames.get(lower) ?? null,
    levelScale,
    message: messageNames.get(lower) ?? null,
    exceptionType: exceptionTypeNames.get(lower) ?? null,
    isStack: stackNames.has(lower),
    timeSeconds: secondsNames.has(lower),
    timeNanos: nanosNames.has(lower),
    id: idRuleOfName(name),
  };
  const isNone = roles.time === null && roles.level === null && roles.message === null && roles.exceptionType === null && !roles.isStack && !roles.timeSeconds && !roles.timeNanos && roles.id === null;
  return { ...roles, isNone };
}

/** A name as objects nest: `http`, and `http.req` below it. */
export interface FieldName {
  /** From the outermost object on, joined by dots. */
  readonly name: string;
  readonly roles: FieldRoles;
  /** Its members' names. */
  below: Map<string, FieldName> | null;
}

/** Names repeat from line to line, so what they mean is remembered; a log that makes up names cannot fill the memory. */
const rememberedNamesMax = 8192;
const rememberedCharsMax = 256;
let remembered = new Map<string, FieldName>();
let rememberedCount = 0;

export function rolesOfName(name: string): FieldRoles {
  return fieldName(null, name).roles;
}

/** `key` inside the object of the name `above`, or outside of any. Looking it up costs less than joining the two. */
export function fieldName(above: FieldName | null, key: string): FieldName {
  const known = above === null ? remembered.get(key) : above.below?.get(key);
  if (known !== undefined) return known;
  const name = above === null ? key : `${above.name}.${key}`;
  const found: FieldName = { name, roles: readRoles(name), below: null };
  if (name.length > rememberedCharsMax) return found;
  if (++rememberedCount > rememberedNamesMax) {
    remembered = new Map();
    rememberedCount = 1;
  }
  // A name whose outer one was forgotten meanwhile is remembered there for as long as that lives.
  if (above === null) remembered.set(key, found);
  else (above.below ??= new Map()).set(key, found);
  return found;
}

/** What names mean has changed. Names that are held on to elsewhere keep their old meaning. */
export function forgetNames(): void {
  remembered = new Map();
  rememberedCount = 0;
}
