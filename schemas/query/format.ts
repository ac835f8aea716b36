/**
 * Query -> text that means the same: `parseQuery(formatQuery(query))` has the same filter and pipes. Spans back from now come out as the absolute
 * times they stood for, so the text keeps its meaning in a cursor, a link or another process.
 */
import { formatTimeNs } from '../event.ts';
import type { Node, Operand, Pipe, Query } from './ast.ts';

/** Characters that mean nothing anywhere, so that what is made of them needs no quotes. */
const plainText = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u;
const plainName = /^[\p{L}_][\p{L}\p{N}_.-]*$/u;
const keyword = /^(?:and|or|not)$/i;

export function formatQuery(query: Query | Node): string {
  if (!('filter' in query)) return formatNode(query);
  return [formatNode(query.filter), ...query.pipes.map(formatPipe)].join(' | ');
}

function formatNode(node: Node): string {
  switch (node.type) {
    case 'all':
      return '*';
    case 'and':
      return node.nodes.map(item => (item.type === 'or' ? `(${formatNode(item)})` : formatNode(item))).join(' ');
    case 'or':
      return node.nodes.map(formatNode).join(' or ');
    case 'not':
      return node.node.type === 'and' || node.node.type === 'or' ? `not (${formatNode(node.node)})` : `not ${formatNode(node.node)}`;
    case 'text':
      return formatGlob(node.parts);
    case 'regex':
      return `${node.field === null ? '' : `${formatName(node.field)}:`}/${escapeSlashes(node.pattern)}/${node.caseInsensitive ? 'i' : ''}`;
    case 'exists':
      return `${formatName(node.field)}:*`;
    case 'equals':
      return `${formatName(node.field)}:${formatText(node.value)}`;
    case 'glob':
      return `${formatName(node.field)}:${formatGlob(node.parts)}`;
    case 'network':
      return `${formatName(node.field)}:${node.address}/${node.prefixBits}`;
    case 'compare':
      return `${formatName(node.field)}${node.comparison}${formatOperand(node.operand)}`;
  }
}

function formatOperand(operand: Operand): string {
  switch (operand.kind) {
    case 'duration':
      return `${operand.ms}ms`;
    case 'size':
      return `${operand.bytes}b`;
    case 'time':
      return formatTimeNs(operand.ns);
    case 'level':
      return operand.level;
    default:
      return operand.text;
  }
}

function formatPipe(pipe: Pipe): string {
  switch (pipe.type) {
    case 'limit':
      return `limit ${pipe.count}`;
    case 'sort':
      return `sort ${pipe.field}${pipe.descending ? ' desc' : ''}`;
    case 'fields':
      return `fields ${pipe.names.map(formatName).join(', ')}`;
  }
}

/** The value of a field as a term's right side: also what a program puts into a query must go through here. */
export function formatText(text: string): string {
  return plainText.test(text) && !keyword.test(text) ? text : quote(text);
}

function formatGlob(parts: readonly string[]): string {
  return parts.map(part => (part === '' ? '' : formatText(part))).join('*');
}

function formatName(name: string): string {
  return plainName.test(name) && !keyword.test(name) ? name : quote(name);
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function escapeSlashes(pattern: string): string {
  return pattern.replace(/\\[^]|\//g, piece => (piece === '/' ? '\\/' : piece));
}
