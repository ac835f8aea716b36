/** The templates that most events have, per service. */
import { createHash } from 'node:crypto';
import { formatTimeNs } from '#schemas/event.ts';
import type { TemplatesBody } from '#schemas/http-api.ts';
import { formatQuery } from '#schemas/query/format.ts';
import type { CountRequest, ReadContext, StoreReader } from '#schemas/store.ts';

export async function templatesOf(reader: StoreReader, range: CountRequest, limit: number, context: ReadContext): Promise<TemplatesBody> {
  const { facets: [facet], truncated, scanned } = await reader.facets({ ...range, fields: ['template'], valuesMax: limit, perService: true }, context);
  const templates = facet!.values.map(({ value, count, seen }) => ({
    id: templateId(value),
    template: value,
    service: seen!.service,
    count,
    firstAt: formatTimeNs(seen!.firstNs),
    lastAt: formatTimeNs(seen!.lastNs),
    query: queryFor(seen!.service, value),
  }));
  return { templates, distinct: facet!.distinct, events: facet!.events, uncounted: facet!.uncounted, truncated, scanned };
}

/** 16 hexadecimal digits. */
function templateId(template: string): string {
  return createHash('sha256').update(template).digest('hex').slice(0, 16);
}

function queryFor(service: string | null, template: string): string {
  const ofTemplate = { type: 'equals', field: 'template', value: template } as const;
  return formatQuery({ type: 'and', nodes: [service === null ? { type: 'not', node: { type: 'exists', field: 'service' } } : { type: 'equals', field: 'service', value: service }, ofTemplate] });
}
