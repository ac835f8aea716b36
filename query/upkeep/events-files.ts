import { existsSync, readdirSync } from 'node:fs';
import { eventsFolder, readEventsFileName, type EventsFileName } from '#schemas/embedded/layout.ts';
import { LeadlineError } from '#schemas/errors.ts';

/** The events files of a store, oldest first. @throws LeadlineError NO_STORE */
export function eventsFilesOf(dataDir: string): EventsFileName[] {
  const folder = eventsFolder(dataDir);
  const names = existsSync(folder) ? readdirSync(folder).sort().map(readEventsFileName).filter(name => name !== null) : [];
  if (names.length === 0) throw new LeadlineError('NO_STORE', { dir: dataDir });
  return names;
}
