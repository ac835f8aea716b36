/** Where the real logs lie. */
import { join, resolve } from 'node:path';

export const corpusFolder = resolve(process.env['LEADLINE_CORPUS'] ?? join(import.meta.dirname, '../../../shared/data'));
