/** Small pieces that every view shows the same way: times, services, levels, ids. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ServiceColours } from '../service-colour.ts';
import { formatTime, formatTimeInFull, localDate, localTime } from '../time-format.ts';

const colours = new ServiceColours();

/** A CSS colour, by a variable that the light and dark sheets set. */
export function serviceColour(service: string): string {
  return `var(--s${colours.slot(service)})`;
}

/** The reader's time; the full time with zone and the ISO form are in its title. */
export function Time({ time }: { time: string }) {
  return <time class="time" dateTime={time} title={`${formatTimeInFull(time)}\n${time}`}>{formatTime(time, localDate(Date.now()))}</time>;
}

/** The zone times are shown in, as of one of them: `+02:00`. */
export function zoneOf(time: string | null | undefined): string {
  return (time === null || time === undefined ? null : localTime(time)?.zone) ?? localTime(new Date().toISOString())?.zone ?? '';
}

export function ServiceChip({ service }: { service: string }) {
  return <span class="chip" style={{ '--c': serviceColour(service) }}>{service}</span>;
}

/** Services in the order of their first line; the rest of a long list is counted, and named in its title. */
export function ServiceChips({ services, max = 5 }: { services: readonly string[]; max?: number }) {
  const shown = services.length > max + 1 ? services.slice(0, max) : services;
  const rest = services.slice(shown.length);
  return (
    <span class="chips">
      {shown.map(service => <ServiceChip key={service} service={service} />)}
      {rest.length > 0 && <span class="chip chip-rest" title={rest.join(', ')}>+{rest.length}</span>}
    </span>
  );
}

export function Level({ level }: { level: string | null }) {
  return <span class={`level level-${level ?? 'none'}`} title={level === null ? 'The line names no level' : undefined}>{level ?? '–'}</span>;
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return <button type="button" class="quiet" aria-label={label} onClick={() => void copy().catch(() => setCopied(false))}>{copied ? 'Copied' : 'Copy'}</button>;
}

export function Notice({ kind = 'note', children }: { kind?: 'note' | 'warning'; children: ComponentChildren }) {
  return <div class={`notice notice-${kind}`} role="note">{children}</div>;
}

/** Stands where a list would: what the emptiness means and what to do next. */
export function EmptyState({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="empty">
      <SoundingLead />
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Loading({ what }: { what: string }) {
  return <p class="loading" role="status">Looking up {what} …</p>;
}

export function SoundingLead() {
  return (
    <svg class="lead" viewBox="0 0 48 64" width="48" height="64" aria-hidden="true">
      <path d="M24 2v30" stroke="currentColor" stroke-width="2" stroke-dasharray="5 4" fill="none" />
      <path d="M24 30c4 0 4.600 3 5.200 7l2.300 13c.5 3-2.700 4.500-7.500 4.500S16 53 16.500 50l2.300-13c.7-4 1.200-7 5.200-7z" fill="currentColor" />
      <path d="M4 60c4-3 8-3 12 0s8 3 12 0 8-3 12 0" stroke="currentColor" stroke-width="2" fill="none" opacity=".5" />
    </svg>
  );
}
