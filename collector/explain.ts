/** What was understood of an event, and from what: for `leadline parse --try`. Nothing is parsed again; each answer is found in what the line gave. */
import { canonicalId } from '#schemas/canonical-id.ts';
import type { EventId, FieldValue, LogEvent } from '#schemas/event.ts';
import { levelOfValue } from './fields/level.ts';
import { rolesOfName, type FieldRoles } from './fields/roles.ts';
import { timeOfValue, type TimeAssumed, type WhenRead } from './fields/time.ts';
import { idRuleOfName } from './ids/rule.ts';
import type { ClosedGroup } from './lines/assembler.ts';
import { matchingPattern, type ServicePatterns } from './patterns/patterns.ts';

export interface ExplainedId extends EventId {
  canonical: string | null;
  /** What carried it, and how a value under such a name is written. */
  from: 'field' | 'header' | 'text';
  shape: string | null;
}

export interface Explanation {
  format: ClosedGroup['understood']['format'];
  /** The user's pattern that matched, as it was given. */
  pattern: string | null;
  timeFrom: string;
  /** What of the time was not written and taken from when the line was read. */
  timeAssumed: TimeAssumed | null;
  levelFrom: string;
  ids: ExplainedId[];
  /** Why lines were joined, or null for one line. */
  joined: string | null;
}

/** @param when as the line was understood */
export function explain(event: LogEvent, { understood, raw, physicalLines, runtimeTimeNs }: ClosedGroup, patterns: ServicePatterns | null, when: WhenRead): Explanation {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8');
  return {
    format: understood.format,
    pattern: understood.format === 'pattern' && patterns !== null ? matchingPattern(text, patterns) : null,
    timeFrom: timeFrom(event, when),
    timeAssumed: understood.timeAssumed,
    levelFrom: levelFrom(event, text),
    ids: event.ids.map(id => explainedId(id, event)),
    joined: physicalLines < 2 ? null : joinedBecause(text, event.exceptionType, runtimeTimeNs !== null),
  };
}

function timeFrom({ timeSource, timeNs, fields }: LogEvent, when: WhenRead): string {
  if (timeSource === 'runtime') return "the container runtime's stamp";
  if (timeSource === 'inherited') return 'the line has none: that of the line above';
  if (timeSource === 'read') return 'the line has none: when it was read';
  const named = fieldWith(fields, 'time', value => timeOfValue(value, { readMs: null, zone: when.zone }) === timeNs) ?? fieldWith(fields, 'time', () => true);
  return named === null ? 'the line' : `field ${named.name} "${shown(named.value)}"`;
}

function levelFrom({ level, fields }: LogEvent, text: string): string {
  if (level === null) return 'the line says none';
  const named = fieldWith(fields, 'level', value => levelOfValue(value) === level) ?? fieldWith(fields, 'level', () => true);
  if (named !== null) return `field ${named.name} "${shown(named.value)}"`;
  const word = /\b(?:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|severe|fatal|crit(?:ical)?|alert|emerg(?:ency)?|panic|[TDIWEF])\b/i.exec(text.slice(0, 400));
  return word === null ? 'the beginning of the line' : `the beginning of the line: "${word[0]}"`;
}

/** Of several the one whose name counts most. */
function fieldWith(fields: LogEvent['fields'], role: 'time' | 'level', fits: (value: FieldValue) => boolean): { name: string; value: FieldValue } | null {
  let best: { name: string; value: FieldValue; rank: number } | null = null;
  for (const [name, value] of Object.entries(fields)) {
    const rank: FieldRoles[typeof role] = rolesOfName(name)[role];
    if (rank !== null && rank < (best?.rank ?? Infinity) && fits(value)) best = { name, value, rank };
  }
  return best;
}

function explainedId(id: EventId, { fields }: LogEvent): ExplainedId {
  const rule = idRuleOfName(id.name);
  const isField = Object.hasOwn(fields, id.name);
  return { ...id, canonical: canonicalId(id.value), from: isField ? (rule?.isHeader === true ? 'header' : 'field') : 'text', shape: rule?.shape ?? null };
}

function joinedBecause(text: string, exceptionType: string | null, isFramed: boolean): string {
  if (exceptionType !== null) return `a stack trace of ${exceptionType}`;
  if (!text.includes('\n')) return isFramed ? 'pieces of one line, as the container runtime divided it' : 'pieces of one line';
  return 'the lines below its first go on with it';
}

function shown(value: FieldValue): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
