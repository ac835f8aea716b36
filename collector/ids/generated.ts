/**
 * Requests that nobody gave an id: a line that tells of a whole request (an access log's) or of the start of a job (cron's). Such an event is marked, and
 * has the id that its place gives it (`schemas/generated-id.ts`).
 */
import { idRank } from '#schemas/alias.ts';
import type { Fields } from '#schemas/event.ts';
import type { Understood } from '../formats/understood.ts';

const methodNames = ['http.request.method', 'request.method', 'req.method', 'method', 'RequestMethod'];
const statusNames = ['http.response.status_code', 'status', 'res.statusCode', 'response.status', 'statusCode', 'status_code', 'DownstreamStatus'];
const pathNames = ['url.path', 'url.original', 'request.uri', 'req.url', 'path', 'uri', 'url', 'RequestPath'];
const cronStart = /^\([^)\s]{1,64}\) CMD \(/;

/** False where the line has an id of its own. Asked of lines without a request id only; costs some 50 ns. */
export function tellsOfARequest({ format, fields, message, ids }: Pick<Understood, 'format' | 'fields' | 'message' | 'ids'>): boolean {
  if (ids.some(({ kind }) => idRank(kind) !== null)) return false;
  return format === 'access' || isAccess(fields) || (message.charCodeAt(0) === 0x28 && cronStart.test(message));
}

/** Method, status and path in one line: an access log as JSON or logfmt. */
function isAccess(fields: Fields): boolean {
  const has = (names: readonly string[]): boolean => names.some(name => fields[name] !== undefined);
  return has(methodNames) && has(statusNames) && has(pathNames);
}
