/** Takes texts out of `alerts.db`: samples and messages of episodes, and of what detectors know. The caller owns it. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/**
 * @param without the text without what shall go, or null where it holds none of it
 * @returns how many rows were changed
 */
export function forgetTexts(path: string, without: (text: string) => string | null): number {
  if (!existsSync(path)) return 0;
  const database = new DatabaseSync(path);
  let changed = 0;
  try {
    // Pages that are let go of are overwritten.
    database.exec('pragma secure_delete = on; begin immediate');
    const tables = database.prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'").all() as unknown as { name: string }[];
    for (const { name: table } of tables) {
      const columns = (database.prepare(`pragma table_info(${table})`).all() as unknown as { name: string; pk: number }[]);
      const keys = columns.filter(({ pk }) => pk > 0);
      const rows = database.prepare(`select * from ${table}`);
      rows.setReadBigInts(true);
      for (const row of rows.all() as Record<string, unknown>[]) {
        const news = columns.flatMap(({ name, pk }) => {
          const value = row[name];
          const text = typeof value === 'string' && pk === 0 ? without(value) : null;
          return text === null ? [] : [{ name, text }];
        });
        if (news.length === 0) continue;
        database.prepare(`update ${table} set ${news.map(({ name }) => `${name} = ?`).join(', ')} where ${keys.map(({ name }) => `${name} = ?`).join(' and ')}`).run(...news.map(({ text }) => text), ...keys.map(({ name }) => row[name] as string | bigint));
        changed += 1;
      }
    }
    database.exec('commit; pragma wal_checkpoint(truncate)');
  } finally {
    database.close();
  }
  return changed;
}
