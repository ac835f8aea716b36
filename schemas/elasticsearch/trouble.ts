/** What a search server says, in the catalogue's words: where it was, and what a person can do about it. */
import { ElasticError, type ElasticAnswer } from '#lib/elasticsearch/server.ts';
import { LeadlineError } from '../errors.ts';

interface ErrorBody {
  error?: { type?: unknown; reason?: unknown } | string;
}

/** The server's own words: type and reason, shortened. */
export function reasonOf(body: unknown): string {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as ErrorBody;
  const words = typeof error === 'string' ? error : typeof error === 'object' ? [error.type, error.reason].filter(word => typeof word === 'string').join(': ') : typeof body === 'string' ? body : '';
  return words.length > 500 ? `${words.slice(0, 500)}…` : words;
}

/** Whether the server itself says what is wrong, and not something in between. */
export function isServersOwn(body: unknown): boolean {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as ErrorBody;
  return typeof error === 'object' && typeof error.type === 'string';
}

/** @param error what kept a request from being answered; anything that is no `ElasticError` is thrown again */
export function noAnswerTrouble(error: unknown, nodes: readonly string[]): LeadlineError {
  if (!(error instanceof ElasticError)) throw error;
  const named = { nodes: nodes.join(','), problem: error.message };
  switch (error.code) {
    case 'ABORTED':
      return new LeadlineError('CANCELLED', {}, { cause: error });
    case 'TLS_FAILED':
      return new LeadlineError('ELASTICSEARCH_TLS_FAILED', named, { cause: error });
    default:
      return new LeadlineError('ELASTICSEARCH_UNREACHABLE', named, { cause: error });
  }
}

/** What an answer with an error's status means for the whole request. */
export function answerTrouble({ status, body }: ElasticAnswer, nodes: readonly string[], what: string): LeadlineError {
  const named = { nodes: nodes.join(','), what, status, problem: reasonOf(body) || 'no reason given' };
  if (status === 401) return new LeadlineError('ELASTICSEARCH_LOGIN_FAILED', named);
  if (status === 403 && !/block/i.test(named.problem)) return new LeadlineError('ELASTICSEARCH_NOT_AUTHORIZED', named);
  if (isBlock(status, named.problem)) return new LeadlineError('ELASTICSEARCH_BLOCKED', named);
  if (status === 429 || status === 502 || status === 503 || status === 504) return new LeadlineError('ELASTICSEARCH_BUSY', named);
  return new LeadlineError('ELASTICSEARCH_REFUSED', named);
}

/** An index that takes nothing at the moment: read-only, or because its disk is nearly full. */
export function isBlock(status: number, reason: string): boolean {
  return (status === 403 || status === 429) && /cluster_block_exception|blocked by|flood[- ]stage/i.test(reason);
}
