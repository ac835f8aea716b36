import { existsSync } from 'node:fs';
import { eventsFilesIn, eventsFolder, type EventsFileName } from '#schemas/embedded/layout.ts';
import { LeadlineError } from '#schemas/errors.ts';

/** The events files of a store, oldest first. @throws LeadlineError NO_STORE */
export function eventsFilesOf(dataDir: string): EventsFileName[] {
  const folder = eventsFolder(dataDir);
  const names = existsSync(folder) ? eventsFilesIn(folder) : [];
  if (names.length === 0) throw new LeadlineError('NO_STORE', { dir: dataDir });
  return names;
}
