/**
 * What someone put into the box on top: an id to follow or words to search. Only `id` is opened without asking; a `maybe` is looked up
 * first, because `order-4711` may be either.
 */
export type AskedText = 'id' | 'maybe' | 'query';

const wholeIds = [
  /^[0-9a-f]{16}$|^[0-9a-f]{32}$/i,
  /^(?:req-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/i,
  /^(?:root=)?1-[0-9a-f]{8}-[0-9a-f]{24}$/i,
  /^[0-9a-f]{16,32}-[0-9a-f]{16}(?:-[01d](?:-[0-9a-f]{16})?)?$/i,
  /^[0-9]{15,20}$/,
];

/** Letters, digits and what ids are joined with; none of what means something in a query. */
const singleToken = /^[\p{L}\p{N}_.\-+/=@]{3,200}$/u;

export function readAskedText(text: string): AskedText {
  const asked = text.trim();
  if (wholeIds.some(pattern => pattern.test(asked))) return 'id';
  if (asked.startsWith('-') || asked.startsWith('/') || !singleToken.test(asked)) return 'query';
  const digits = asked.replace(/\D/g, '').length;
  if (asked.length >= 20 && digits >= 4) return 'id';
  return digits > 0 ? 'maybe' : 'query';
}
