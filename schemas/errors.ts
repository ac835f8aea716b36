/**
 * Every failure Leadline reports, declared once: whether trying again can help, which HTTP status and exit code it becomes, and the sentence a
 * person reads (what happened, where, what to do). Bugs are not here: they break `invariant()` and stop the process.
 */

export interface ErrorEntry {
  /** True where the same call may succeed later without anyone doing anything. */
  retryable: boolean;
  httpStatus: number;
  /** 1 nothing found, 2 bad usage, config or input, 3 something unreachable. */
  exitCode: 1 | 2 | 3;
  message: (details: Record<string, unknown>) => string;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' ? value.toString() : JSON.stringify(value));

/** One line of the catalogue. The template's `{name}` is filled from the error's details. */
function entry(httpStatus: number, exitCode: 1 | 2 | 3, template: string, retryable = false): ErrorEntry {
  return { retryable, httpStatus, exitCode, message: details => template.replace(/\{(\w+)\}/g, (_, name: string) => (name in details ? text(details[name]) : `{${name}}`)) };
}

export const errorCatalogue = {
  // Usage, configuration and input
  BAD_OPTION: entry(400, 2, '{option}: {problem}. {fix}'),
  BAD_CONFIG: entry(400, 2, '{message}'),
  BAD_RULES: entry(400, 2, '{message}'),
  PATH_NOT_FOUND: entry(404, 2, '{path}: there is no such file or folder. Check the spelling; a glob must be quoted if the shell should not expand it.'),
  PATH_NOT_READABLE: entry(403, 2, '{path}: may not be read by this user ({systemCode}). Give the user read permission, or run Leadline as the user that owns the logs.'),
  NO_LOGS_IN_FOLDER: entry(404, 2, '{path}: no log files in this folder. Taken are names like {include}; widen it with --include, for instance --include "*".'),
  NOTHING_READABLE: entry(400, 2, 'Nothing could be read from {paths}, for the reasons above.'),
  BINARY_FILE: entry(400, 2, '{path}: looks like a binary file ({evidence}), not a log. Add --include-binary to read it all the same.'),
  UTF16_FILE: entry(400, 2, '{path}: is UTF-16 text, which cannot be cut at newlines byte by byte. Convert it first: iconv -f UTF-16 -t UTF-8.'),
  BAD_QUERY: entry(400, 2, '{message}'),
  COMMAND_NOT_STARTED: entry(400, 2, '{command}: cannot be started ({systemCode}). Check its name, and that it may be executed.'),
  BAD_STEP: entry(400, 2, 'step: "{value}" {problem}. Write 1s, 5m, 1h, 1d; without it a width is chosen that gives some hundred bars.'),
  BAD_TIME: entry(400, 2, '{name}: "{value}" is not a time. Write 2026-11-21T08:15:00Z, 2026-11-21, or a span back from now such as 15m, 2h, 7d.'),
  BAD_TIME_ZONE: entry(400, 2, 'timeZone: "{name}" is no time zone. Write auto, UTC, an offset such as +02:00, or a name such as Europe/Berlin.'),
  BAD_MULTILINE: entry(400, 2, 'multilineStart: "{rule}" {problem}. Write a regular expression that matches how an event begins, such as ^\\d{4}-, or SERVICE=EXPRESSION for one service.'),
  BAD_PATTERN: entry(400, 2, 'patterns: "{pattern}": {problem}.'),
  BAD_CURSOR: entry(400, 2, 'cursor: "{value}" is not a cursor of this store. Leave it out to begin at the newest.'),
  BAD_CHUNK: entry(400, 2, 'chunk refused: {problem}'),

  // Found or not
  REQUEST_NOT_FOUND: entry(404, 1, 'No stored line carries the id {id}. It may have been mistyped, not have arrived yet (leadline status shows the lag), or be older than the retention.'),
  ALERT_NOT_FOUND: entry(404, 1, 'There is no alert {id}. leadline alerts list shows what is known.'),
  EVENT_NOT_FOUND: entry(404, 1, 'No event {id} is stored: its id may be mistyped, or it is older than the retention.'),
  NOT_FOUND: entry(404, 1, 'There is no {what} here.'),

  // Access
  KEY_REQUIRED: entry(401, 2, 'An API key is required: send it as "Authorization: Bearer KEY".'),
  KEY_NEEDED_TO_LISTEN: entry(400, 2, 'Listening on {host} lets other machines in, so a key is required: set LEADLINE_API_KEY, or listen on 127.0.0.1.'),
  ORIGIN_REFUSED: entry(403, 2, 'Refused: the {header} header says {value}, which is not this server. Open the page under its own address.'),

  // The machine and the servers around
  PORT_IN_USE: entry(503, 3, 'Port {port} on {host} is in use by another program. Stop it, or choose another port with --port.'),
  LISTEN_FAILED: entry(503, 3, 'Cannot listen on {host}:{port} ({systemCode}). Choose another with --host and --port.'),
  SERVER_UNREACHABLE: entry(503, 3, 'No answer from {url} ({systemCode}). Start it with leadline up, or name another with --server.', true),
  INTAKE_UNREACHABLE: entry(503, 3, 'No answer from the collector at {url} ({systemCode}). Check the address and that the collector runs.', true),
  COLLECTOR_RESTARTED: entry(409, 3, 'This collector has begun anew; send first what the one before has not acknowledged.', true),
  INTAKE_REFUSED: entry(502, 3, 'The collector at {url} answers {status}: {message}', true),
  SERVER_REFUSED: entry(502, 3, '{url} answered {status}: {message}'),
  NO_STORE: entry(404, 3, '{dir}: no Leadline store here and no server is running for it. Start one with leadline up, read files with leadline ingest PATH, or name it with --data-dir or --server.'),
  STORE_OWNED: entry(409, 3, '{dir}: this data directory is in use by another Leadline process{owner}. Stop that one, or use another directory with --data-dir.'),
  STORE_VERSION: entry(500, 2, '{path}: was written in store layout {found}; this Leadline reads layout {expected}. Read it with the Leadline that wrote it, or start afresh with another --data-dir.'),
  STORE_DAMAGED: entry(500, 3, '{path}: is damaged ({problem}). Move it away and ingest its logs again.'),
  NOT_AN_ID: entry(400, 2, '"{id}" is no id: logs write it where they have none. Name the id whose events shall be deleted.'),
  BACKUP_EXISTS: entry(409, 2, '{dir}: is there already and not empty. A backup is made in a folder of its own: name one that is not there.'),
  BACKUP_FAILED: entry(500, 3, '{dir}: the backup was not made ({problem}), and nothing of it is left there. Free some space, or choose another place.', true),
  STORE_FULL: entry(507, 3, '{dir}: no space left on the disk. Nothing is lost: the lines stay in their files and reading goes on when there is room. Free some space, or lower --retention-bytes-max.', true),
  STORE_WRITE_FAILED: entry(500, 3, '{dir}: writing failed ({problem}).', true),
  TEMPORARY_FOLDER_NOT_WRITABLE: entry(500, 2, '{dir}: cannot be written ({systemCode}), and files are read into a store there. Give write permission, or name another folder in the environment: TMPDIR.'),
  DATA_DIR_NOT_WRITABLE: entry(500, 2, '{dir}: cannot be written ({systemCode}). Give write permission, or choose another with --data-dir.'),
  CHECKPOINT_NOT_SAVED: entry(507, 3, '{path}: the checkpoint cannot be written ({systemCode}). Nothing is lost: reading goes on when it can. Free some space, or give write permission.', true),
  DATA_DIR_IS_FILE: entry(500, 2, '{dir}: {file} is a file, so no data directory can be there. Choose another with --data-dir.'),
  CHECKPOINT_DAMAGED: entry(500, 2, '{path}: the checkpoint is damaged ({problem}); positions are taken from the store instead.'),

  // Kafka
  KAFKA_UNREACHABLE: entry(503, 3, 'No answer from Kafka at {brokers} ({problem}). Check the address and that the broker runs.', true),
  KAFKA_TOPIC_MISSING: entry(503, 3, 'Kafka has no topic {topic}. Make it with leadline topics apply --kafka {brokers}.', true),
  KAFKA_NOT_AUTHORIZED: entry(503, 3, 'Kafka does not let this user {operation} {resource}. Give the user that right.', true),
  KAFKA_LOGIN_FAILED: entry(503, 3, 'Kafka at {brokers} refuses the login ({problem}). Check --kafka-sasl, --kafka-username and --kafka-password.', true),
  KAFKA_TLS_FAILED: entry(503, 3, 'No TLS with Kafka at {brokers} ({problem}). Check --kafka-tls-ca, --kafka-tls-cert and --kafka-tls-key.', true),
  KAFKA_REFUSED: entry(503, 3, 'Kafka refuses records for {topic} partition {partition} ({problem}).', true),
  KAFKA_READ_FAILED: entry(503, 3, 'Kafka does not give the records of {topic} ({problem}).', true),
  DEAD_LETTERS_ELSEWHERE: entry(501, 2, 'Dead letters lie in Kafka, and this server was started without brokers. Start it with --kafka HOST:PORT, or ask leadline dead-letters.'),
  LETTER_NOT_FOUND: entry(404, 1, 'There is no dead letter {id}. leadline dead-letters list shows what there is.'),
  LETTER_UNFIT: entry(400, 2, 'Dead letter {id} is not replayed: {problem}. {fix}'),
  KAFKA_TOPIC_UNFIT: entry(503, 2, 'Topic {topic}: {problem}. {fix}'),

  // Elasticsearch and OpenSearch
  ELASTICSEARCH_UNREACHABLE: entry(503, 3, 'No answer from Elasticsearch at {nodes} ({problem}). Check the address and that it runs.', true),
  ELASTICSEARCH_LOGIN_FAILED: entry(503, 3, 'Elasticsearch at {nodes} refuses the login ({problem}). Check --elasticsearch-api-key, or --elasticsearch-username and --elasticsearch-password.', true),
  ELASTICSEARCH_NOT_AUTHORIZED: entry(503, 3, 'Elasticsearch at {nodes} does not let this user {what} ({problem}). Give the user that right; docs/elasticsearch.md lists what is needed.', true),
  ELASTICSEARCH_TLS_FAILED: entry(503, 3, 'No TLS with Elasticsearch at {nodes} ({problem}). Check the address and --elasticsearch-tls-ca.', true),
  ELASTICSEARCH_BLOCKED: entry(507, 3, 'Elasticsearch at {nodes} takes no writes: {problem}. Nothing is lost: reading goes on when the block is gone. Free disk space on its nodes, or take the block away.', true),
  ELASTICSEARCH_BUSY: entry(503, 3, 'Elasticsearch at {nodes} is too busy to {what} ({status}: {problem}).', true),
  ELASTICSEARCH_REFUSED: entry(502, 3, 'Elasticsearch at {nodes} refuses to {what} ({status}: {problem}).'),

  // Invariants of the data
  EVENT_OVERLAPS_STORED: entry(500, 2, 'An event covers bytes [{from}, {to}) of stream {streamId}, of which a part is stored already.'),
  STORED_RANGES_FULL: entry(503, 3, 'Stream {streamId} has {count} separate stored ranges, the most allowed; its chunks are refused until the holes are filled.', true),
  CANCELLED: entry(499, 1, 'The query was cancelled.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** A failure with a code from the catalogue. `details` fill its sentence and go to the logs; wrap a foreign error as `cause`. */
export class LeadlineError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(errorCatalogue[code].message(details), options);
    this.name = 'LeadlineError';
    this.code = code;
    this.details = details;
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }

  get httpStatus(): number {
    return errorCatalogue[this.code].httpStatus;
  }

  get exitCode(): number {
    return errorCatalogue[this.code].exitCode;
  }
}

/** The `code` of a Node system error (`ENOENT`), or null. */
export function systemCodeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** An error made plain for a worker's message, and back: structured clone keeps neither class nor code. */
export interface PlainError {
  code: ErrorCode | null;
  message: string;
  details: Record<string, unknown>;
  stack?: string | undefined;
}

export function toPlainError(error: unknown): PlainError {
  if (error instanceof LeadlineError) return { code: error.code, message: error.message, details: error.details };
  if (error instanceof Error) return { code: null, message: error.message, details: {}, stack: error.stack };
  return { code: null, message: String(error), details: {} };
}

export function fromPlainError(plain: PlainError): Error {
  if (plain.code !== null) return new LeadlineError(plain.code, plain.details);
  const error = new Error(plain.message);
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}
