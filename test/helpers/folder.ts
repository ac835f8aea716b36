/** A folder of a test's own, gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

export function testFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'leadline-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
