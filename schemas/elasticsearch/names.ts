/** What Leadline keeps in a cluster, by namespace: several installations may share one. */

export interface ElasticNames {
  /** Data stream of events, in the field's naming scheme: type, dataset, namespace. */
  events: string;
  /** Data stream of signals, which alerting reads. */
  signals: string;
  /** Index of what is stored of every stream, and of positions. Read by id only where it decides anything. */
  streams: string;
}

export function namesOf(namespace: string): ElasticNames {
  return { events: `logs-leadline-${namespace}`, signals: `logs-leadline.signals-${namespace}`, streams: `leadline-streams-${namespace}` };
}

/** What a namespace may be: part of an index name, without the dashes that part it from the rest. */
export function namespaceProblem(namespace: string): string | null {
  if (namespace.length === 0 || Buffer.byteLength(namespace) > 100) return 'has to have 1 to 100 bytes';
  if (/[\\/*?"<>| ,#:-]|[A-Z]/.test(namespace)) return 'may hold no capital letters and none of \\ / * ? " < > | , # : - or space';
  return null;
}
