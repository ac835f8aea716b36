import type { IdKind } from '#schemas/event.ts';

/** How a value under an id's name is written. */
export type IdShape = 'plain' | 'hex' | 'traceparent' | 'b3' | 'uber' | 'xray' | 'cloudTrace' | 'tracePath' | 'hex16' | 'highHalf';

export interface IdRule {
  kind: IdKind;
  shape: IdShape;
  /** True where the name is that of an HTTP header: `X-Request-Id`, `traceparent`. */
  isHeader: boolean;
}

const kindByEnding: readonly (readonly [string, IdKind, IdShape])[] = [
  ['uber trace id', 'trace', 'uber'],
  ['amzn trace id', 'trace', 'xray'],
  ['cloud trace context', 'trace', 'cloudTrace'],
  ['traceparent', 'trace', 'traceparent'],
  ['trace parent', 'trace', 'traceparent'],
  ['trace context', 'trace', 'traceparent'],
  ['b3', 'trace', 'b3'],
  ['trace id', 'trace', 'hex'],
  ['traceid', 'trace', 'hex'],
  ['sentry trace', 'trace', 'b3'],
  ['trace', 'trace', 'tracePath'],
  ['span', 'span', 'hex16'],
  ['datadog parent id', 'span', 'hex'],
  ['dd p tid', 'trace', 'highHalf'],
  ['request id', 'request', 'plain'],
  ['requestid', 'request', 'plain'],
  ['req id', 'request', 'plain'],
  ['reqid', 'request', 'plain'],
  ['correlation id', 'correlation', 'plain'],
  ['correlationid', 'correlation', 'plain'],
  ['corr id', 'correlation', 'plain'],
  ['cf ray', 'request', 'plain'],
  ['span id', 'span', 'hex'],
  ['spanid', 'span', 'hex'],
  ['parentspanid', 'span', 'hex'],
  ['session', 'session', 'plain'],
  ['session id', 'session', 'plain'],
  ['sessionid', 'session', 'plain'],
  ['user id', 'user', 'plain'],
  ['userid', 'user', 'plain'],
  ['job id', 'job', 'plain'],
  ['jid', 'job', 'plain'],
  ['jobid', 'job', 'plain'],
  ['connection id', 'connection', 'plain'],
  ['connectionid', 'connection', 'plain'],
  ['conn id', 'connection', 'plain'],
  ['connid', 'connection', 'plain'],
];
/** Names that are whole: their words alone are too short to mean anything. */
const ruleByName = new Map<string, Pick<IdRule, 'kind' | 'shape'>>([['@tr', { kind: 'trace', shape: 'hex' }], ['@sp', { kind: 'span', shape: 'hex' }]]);
let ownByEnding: ReadonlyMap<string, Pick<IdRule, 'kind' | 'shape'>> = new Map();
let ownWordsMax = 0;

/** The user's own names, by their words; before all others. Called by `own-rules.ts` alone. */
export function setOwnRules(rules: ReadonlyMap<string, Pick<IdRule, 'kind' | 'shape'>>): void {
  ownByEnding = rules;
  ownWordsMax = Math.max(0, ...[...rules.keys()].map(ending => ending.split(' ').length));
}

const ruleByEnding = new Map(kindByEnding.map(([ending, kind, shape]) => [ending, { kind, shape }]));

/** `http.req.id`, `X-B3-TraceId`, `reqID` -> their words in lower case. */
export function wordsOfName(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(word => word !== '');
}

/** The rule for a field, header or label, by the last words of its name; null where the name is not an id's. */
export function idRuleOfName(name: string): IdRule | null {
  if (name.length > 256) return null;
  const whole = ruleByName.get(name);
  if (whole !== undefined) return { ...whole, isHeader: false };
  const words = wordsOfName(name);
  for (let count = Math.min(ownWordsMax, words.length); count > 0; count--) {
    const rule = ownByEnding.get(words.slice(-count).join(' '));
    if (rule !== undefined) return { ...rule, isHeader: isHeaderName(name, rule.shape) };
  }
  for (let count = Math.min(3, words.length); count > 0; count--) {
    const rule = ruleByEnding.get(words.slice(-count).join(' '));
    if (rule !== undefined) return { ...rule, isHeader: isHeaderName(name, rule.shape) };
  }
  return null;
}

function isHeaderName(name: string, shape: IdShape): boolean {
  const last = name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1);
  return /^x-/i.test(last) || (shape !== 'plain' && shape !== 'hex' && shape !== 'tracePath' && shape !== 'hex16');
}
