/** Events of a search or a tail, one per line. */
import type { EventBody } from '#schemas/http-api.ts';
import { levelText, paint, printable, printableJson, serviceFormat, type Terminal } from './terminal.ts';
import { serviceOf } from './timeline.ts';

export const outputFormats = ['text', 'json', 'raw', 'csv'] as const;
export type OutputFormat = (typeof outputFormats)[number];

const csvFields = ['time', 'service', 'level', 'requestId', 'message'];
/** Below it a time is shown to the millisecond. */
const wholeTimeFrom = 120;

/** Remembers the services it has shown, so that each keeps its colour and column. */
export class EventRenderer {
  private readonly terminal: Terminal;
  private readonly format: OutputFormat;
  private readonly fields: readonly string[];
  private readonly services: string[] = [];
  private serviceWidth = 0;

  /** @param fields names of fields to show instead of the message; empty for the message */
  constructor(terminal: Terminal, format: OutputFormat, fields: readonly string[] = []) {
    this.terminal = terminal;
    this.format = format;
    this.fields = fields.length === 0 && format === 'csv' ? csvFields : fields;
  }

  /** What stands above the events, or null. */
  head(): string | null {
    return this.format === 'csv' ? this.fields.map(csvCell).join(',') : null;
  }

  /** @returns a line without its newline; bytes where they must arrive as they were written */
  render(event: EventBody): string | Uint8Array {
    switch (this.format) {
      case 'json':
        return this.json(this.fields.length === 0 ? event : Object.fromEntries(this.fields.map(name => [name, fieldOf(event, name) ?? null])));
      case 'raw':
        if (!this.terminal.isTerminal) return event.raw ?? Buffer.from(event.rawBase64 ?? '', 'base64');
        return (event.raw ?? Buffer.from(event.rawBase64 ?? '', 'base64').toString('utf8')).split('\n').map(printable).join('\n');
      case 'csv':
        return this.fields.map(name => csvCell(this.terminal.isTerminal ? printable(fieldText(fieldOf(event, name))) : fieldText(fieldOf(event, name)))).join(',');
      case 'text':
        return this.text(event);
    }
  }

  private json(value: unknown): string {
    return this.terminal.isTerminal ? printableJson(value) : JSON.stringify(value);
  }

  private text(event: EventBody): string {
    const service = printable(serviceOf(event));
    if (!this.services.includes(service)) this.services.push(service);
    this.serviceWidth = Math.max(this.serviceWidth, Math.min(24, service.length));
    const shown = this.fields.length === 0 ? event.message : this.fields.map(name => `${name}=${fieldText(fieldOf(event, name)) || '-'}`).join(' ');
    // An id that the message shows already need not stand there twice.
    const id = event.requestId === null || shown.includes(event.requestId) ? '' : paint(this.terminal, 'dim', `  ${printable(event.requestId)}`);
    const time = this.terminal.width >= wholeTimeFrom ? event.time : `${event.time.slice(0, 23)}Z`;
    return `${paint(this.terminal, 'dim', time)}  ${paint(this.terminal, serviceFormat(this.services, service), service.padEnd(this.serviceWidth))}  ${levelText(this.terminal, event.level)}  ${printable(shown)}${id}`;
  }
}

export function fieldOf(event: EventBody, name: string): unknown {
  return name in event ? event[name as keyof EventBody] : (event.fields as Record<string, unknown>)[name.replace(/^fields\./, '')];
}

function fieldText(value: unknown): string {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** RFC 4180: quotes around what holds a comma, a quote or a line break, quotes in it doubled. */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
