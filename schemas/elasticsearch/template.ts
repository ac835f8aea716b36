/** How the servers are told to keep events, signals and streams. Everything is named; what logs bring of their own has one place for each type. */
import type { ElasticFlavour } from '#lib/elasticsearch/server.ts';

/** Goes up with every change; a server that has a lower one is told anew, and its next backing index has it. */
export const templateVersion = 1;

/** Different names that logs may bring into `numbers` and `addresses`; a field beyond it stays in `fields` only. */
export const numberNamesMax = 500;
export const addressNamesMax = 100;

/** A text longer than this is kept and not indexed. Four bytes a character at most, and Lucene takes 32,766 bytes. */
export const keywordCharsMax = 8000;

const keyword = { type: 'keyword', ignore_above: keywordCharsMax } as const;
const notSearched = { type: 'keyword', index: false, doc_values: false } as const;
const long = { type: 'long' } as const;

/** Changed with care: `schemas/elasticsearch/document.ts` writes it, `query/store/elasticsearch/filter.ts` asks it. */
const eventProperties = (flavour: ElasticFlavour): object => ({
  '@timestamp': { type: 'date_nanos' },
  // The standard analyzer: every server has it, and a run of letters and digits never lies in two of its tokens.
  message: { type: 'text', norms: false },
  log: { properties: { level: keyword } },
  service: { properties: { name: keyword } },
  container: { properties: { name: keyword } },
  kubernetes: { properties: { namespace: keyword, pod: { properties: { name: keyword } }, node: { properties: { name: keyword } } } },
  error: { properties: { type: keyword } },
  trace: { properties: { id: keyword } },
  span: { properties: { id: keyword } },
  event: { properties: { original: notSearched } },
  fields: flavour === 'opensearch' ? { type: 'flat_object' } : { type: 'flattened', ignore_above: keywordCharsMax },
  numbers: { type: 'object', dynamic: true },
  addresses: { type: 'object', dynamic: true },
  leadline: {
    properties: {
      // Exact, also before 1970; `@timestamp` is this as near as a date can be.
      time_ns: long,
      time_source: keyword,
      source: keyword,
      chain: long,
      stream_id: keyword,
      offset: long,
      offset_end: long,
      gap_bytes: long,
      gap_cause: keyword,
      output: keyword,
      template: keyword,
      // In canonical form.
      ids: keyword,
      request: keyword,
      null_fields: keyword,
      // Something of it is not in the index as queries expect; it is looked at whenever it may match.
      partly_indexed: { type: 'boolean' },
      more: { type: 'object', enabled: false },
    },
  },
});

const settings = {
  index: {
    // One node keeps one copy, several keep two.
    auto_expand_replicas: '0-1',
    refresh_interval: '1s',
    codec: 'best_compression',
    translog: { durability: 'request' },
  },
};

interface Template {
  name: string;
  body: object;
}

/** @param shards of each backing index of events; tail keeps the order of storing within each */
export function templatesOf(flavour: ElasticFlavour, shards: number): Template[] {
  const common = { priority: 500, version: templateVersion, _meta: { description: 'Leadline' } };
  return [
    {
      name: 'leadline-events',
      body: {
        ...common,
        index_patterns: ['logs-leadline-*'],
        data_stream: {},
        template: {
          settings: { index: { ...settings.index, number_of_shards: shards, mapping: { total_fields: { limit: numberNamesMax + addressNamesMax + 400 } } } },
          mappings: {
            dynamic: 'strict',
            dynamic_templates: [
              { numbers: { path_match: 'numbers.*', mapping: { type: 'double', ignore_malformed: true } } },
              { addresses: { path_match: 'addresses.*', mapping: { type: 'ip', ignore_malformed: true } } },
            ],
            properties: eventProperties(flavour),
          },
        },
      },
    },
    {
      name: 'leadline-signals',
      body: {
        ...common,
        index_patterns: ['logs-leadline.signals-*'],
        data_stream: {},
        template: { settings: { index: { ...settings.index, number_of_shards: 1 } }, mappings: { dynamic: 'strict', properties: { '@timestamp': { type: 'date' }, rule: keyword, signal: notSearched } } },
      },
    },
    {
      name: 'leadline-streams',
      body: {
        ...common,
        index_patterns: ['leadline-streams-*'],
        template: {
          settings: { index: { ...settings.index, number_of_shards: 1 } },
          mappings: { dynamic: 'strict', properties: { kind: keyword, source: keyword, stream_id: keyword, chain: long, row: notSearched } },
        },
      },
    },
  ];
}
