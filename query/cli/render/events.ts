/** Events of a search or a tail, one per line. */
import type { EventBody } from '#schemas/http-api.ts';
import { levelText, paint, printable, serviceFormat, type Terminal } from './terminal.ts';
import { serviceOf } from './timeline.ts';

export const outputFormats = ['text', 'json', 'raw'] as const;
export type OutputFormat = (typeof outputFormats)[number];

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
    this.fields = fields;
  }

  render(event: EventBody): string {
    if (this.format === 'json') return JSON.stringify(this.fields.length === 0 ? event : Object.fromEntries(this.fields.map(name => [name, fieldOf(event, name) ?? null])));
    if (this.format === 'raw') return event.raw ?? event.rawBase64 ?? '';
    const service = serviceOf(event);
    if (!this.services.includes(service)) this.services.push(service);
    this.serviceWidth = Math.max(this.serviceWidth, Math.min(24, service.length));
    const shown = this.fields.length === 0 ? event.message : this.fields.map(name => `${name}=${fieldText(fieldOf(event, name))}`).join(' ');
    const id = event.requestId === null ? '' : paint(this.terminal, 'dim', `  ${event.requestId}`);
    return `${paint(this.terminal, 'dim', event.time)}  ${paint(this.terminal, serviceFormat(this.services, service), service.padEnd(this.serviceWidth))}  ${levelText(this.terminal, event.level)}  ${printable(shown)}${id}`;
  }
}

export function fieldOf(event: EventBody, name: string): unknown {
  return name in event ? event[name as keyof EventBody] : (event.fields as Record<string, unknown>)[name.replace(/^fields\./, '')];
}

function fieldText(value: unknown): string {
  return value === undefined || value === null ? '-' : typeof value === 'string' ? value : JSON.stringify(value);
}
