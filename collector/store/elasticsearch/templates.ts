/** Tells the server how events, signals and streams are kept, where it does not know yet. */
import { pathOf, type ElasticAnswer, type ElasticRequest, type ElasticServer } from '#lib/elasticsearch/server.ts';
import { templatesOf, templateVersion } from '#schemas/elasticsearch/template.ts';
import { answerTrouble, noAnswerTrouble } from '#schemas/elasticsearch/trouble.ts';

/**
 * One that has a template of this version, as where somebody with more rights put it there, is not told again.
 * @throws LeadlineError
 */
export async function applyTemplates(server: ElasticServer, shards: number): Promise<void> {
  const flavour = await server.flavour().catch((error: unknown) => {
    throw noAnswerTrouble(error, server.nodes);
  });
  for (const { name, body } of templatesOf(flavour, shards)) {
    const path = pathOf('_index_template', name);
    const known = await once(server, { method: 'GET', path });
    const version = (known.body as { index_templates?: { index_template: { version?: number } }[] } | undefined)?.index_templates?.[0]?.index_template.version;
    if (known.status === 200 && version !== undefined && version >= templateVersion) continue;
    const put = await once(server, { method: 'PUT', path, body });
    if (put.status >= 400) throw answerTrouble(put, server.nodes, `put the index template ${name}`);
  }
}

/** Names that the newest backing index has a mapping for. */
export async function knownNames(server: ElasticServer, dataStream: string): Promise<{ numbers: string[]; addresses: string[] }> {
  const answer = await once(server, { method: 'GET', path: pathOf(dataStream, '_mapping') });
  if (answer.status !== 200) return { numbers: [], addresses: [] };
  const mappings = answer.body as Record<string, { mappings: { properties?: Record<string, { properties?: Record<string, unknown> }> } }>;
  const newest = Object.keys(mappings).sort().at(-1);
  const namesIn = (field: string): string[] => Object.keys((newest === undefined ? undefined : mappings[newest]?.mappings.properties?.[field]?.properties) ?? {});
  return { numbers: namesIn('numbers'), addresses: namesIn('addresses') };
}

async function once(server: ElasticServer, request: ElasticRequest): Promise<ElasticAnswer> {
  try {
    const answer = await server.request(request);
    if (answer.status === 401 || answer.status === 403) throw answerTrouble(answer, server.nodes, `ask for ${request.path}`);
    return answer;
  } catch (error) {
    throw noAnswerTrouble(error, server.nodes);
  }
}
