/** `collect.patterns` of the configuration file: texts, or maps of `service`, `name` and `pattern`, each mistake with its line. */
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { patternProblems } from '../collector/patterns/patterns.ts';

const keys = ['pattern', 'service', 'name'];

/** @param tell takes what is wrong, with where. @returns the patterns as the option has them, null where one is no pattern */
export function readPatternList(node: Node | null, tell: (at: Node, problem: string) => void): string[] | null {
  if (node === null || (isScalar(node) && node.value === null)) return [];
  const items = isSeq(node) ? (node.items as Node[]) : [node];
  const texts = items.map(item => textOf(item, tell));
  if (texts.some(text => text === null)) return null;
  const problems = patternProblems(texts as string[]);
  for (const { index, problem } of problems) tell(items[index]!, `the pattern is not understood: ${problem}`);
  return problems.length > 0 ? null : (texts as string[]);
}

function textOf(item: Node, tell: (at: Node, problem: string) => void): string | null {
  if (isScalar(item) && typeof item.value === 'string') return item.value;
  if (!isMap(item)) {
    tell(item, 'a pattern is a text, or a map with pattern: and, where it is not for every service, service:');
    return null;
  }
  const given = item.toJSON() as Record<string, unknown>;
  const odd = Object.entries(given).find(([key, value]) => !keys.includes(key) || typeof value !== 'string');
  if (odd !== undefined || given['pattern'] === undefined || (given['service'] !== undefined && given['name'] !== undefined)) {
    tell(item, odd === undefined ? 'write pattern: and either service:, which it is for, or name:, by which others use it' : `${odd[0]} ${keys.includes(odd[0]) ? 'must be a text' : `is unknown here. Known are ${keys.join(', ')}`}`);
    return null;
  }
  const { pattern, service, name } = given as Record<string, string | undefined>;
  if (name !== undefined) return `${name} := ${pattern!}`;
  return service === undefined ? pattern! : `${service} => ${pattern!}`;
}
