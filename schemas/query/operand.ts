/** The right side of a comparison: read from its spelling, and compared with what a field holds. */
import { isIP } from 'node:net';
import { levelRank, levels } from '../event.ts';
import type { Comparison, Operand } from './ast.ts';
import { readInstantNs, readPointInTimeNs } from './instant.ts';
import { readLevel } from './level-name.ts';
import { compareNumbers, readDurationMs, readNumber, readSizeBytes } from './quantity.ts';
import { compareVersions, readVersion } from './version.ts';

/** @returns null where the text is nothing that the field can be compared with. */
export function readOperand(field: string, text: string, nowMs: number): Operand | null {
  if (field === 'level') {
    const level = readLevel(text);
    return level === null ? null : { kind: 'level', level };
  }
  if (field === 'time') {
    const ns = readPointInTimeNs(text, nowMs);
    return ns === null ? null : { kind: 'time', ns };
  }
  if (readNumber(text) !== null) return { kind: 'number', text };
  const ms = readDurationMs(text);
  if (ms !== null) return { kind: 'duration', ms };
  const bytes = readSizeBytes(text);
  if (bytes !== null) return { kind: 'size', bytes };
  const ns = readInstantNs(text);
  if (ns !== null) return { kind: 'time', ns };
  return readVersion(text) === null ? null : { kind: 'version', text };
}

/** Tells from an order (negative, zero, positive) whether the comparison holds. */
export const comparisonHolds: Record<Comparison, (order: number) => boolean> = {
  '>': order => order > 0,
  '>=': order => order >= 0,
  '<': order => order < 0,
  '<=': order => order <= 0,
};

export type Scalar = string | number | boolean;

/**
 * Orders a field's value against the operand: negative where the value is less, null where they cannot be compared. A value's text is read as what
 * the operand is, and a plain number as what the operand says it is: milliseconds for a duration, bytes for a size.
 */
export function orderAgainst(operand: Operand): (value: Scalar) => number | null {
  switch (operand.kind) {
    case 'number':
      return orderAgainstNumber(operand.text);
    case 'duration':
      return value => orderOf(typeof value === 'string' ? (readDurationMs(value) ?? readNumber(value)) : value, operand.ms);
    case 'size':
      return value => orderOf(typeof value === 'string' ? (readSizeBytes(value) ?? readNumber(value)) : value, operand.bytes);
    case 'version': {
      const version = readVersion(operand.text)!;
      return value => {
        const other = readVersion(String(value));
        return other === null ? null : compareVersions(other, version);
      };
    }
    case 'time':
      return value => {
        const ns = typeof value === 'string' ? readInstantNs(value) : null;
        return ns === null ? null : ns < operand.ns ? -1 : ns > operand.ns ? 1 : 0;
      };
    case 'level': {
      const rank = levelRank(operand.level);
      return value => {
        const other = levels.findIndex(level => level === value);
        return other < 0 ? null : other - rank;
      };
    }
  }
}

/** A number against `250ms` is milliseconds, against `10kb` bytes, against `1.4.2` a version. */
function orderAgainstNumber(text: string): (value: Scalar) => number | null {
  const number = Number(text);
  const version = readVersion(text);
  return value => {
    if (typeof value === 'boolean') return null;
    const order = compareNumbers(value, text);
    if (order !== null || typeof value === 'number') return order;
    const quantity = readDurationMs(value) ?? readSizeBytes(value);
    if (quantity !== null) return orderOf(quantity, number);
    // An address has the look of a version, but nobody asks for addresses above 5.
    const other = version === null || isIP(value) !== 0 ? null : readVersion(value);
    return other === null ? null : compareVersions(other, version!);
  };
}

function orderOf(value: number | boolean | null, operand: number): number | null {
  return typeof value !== 'number' ? null : value < operand ? -1 : value > operand ? 1 : 0;
}
