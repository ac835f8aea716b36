/** Proofs that could not be made here. They are told to the runner, which names them at the end. */
import { appendFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';

export function proofSkipped(title: string, why: string): void {
  test.skip(title, t => t.pass());
  noteSkipped(title, why);
}

/** The same from inside a test that finds out only while it runs; it says so and passes. */
export function skipHere(t: ExecutionContext, why: string): void {
  t.log(`skipped: ${why}`);
  t.pass();
  noteSkipped(t.title, why);
}

function noteSkipped(title: string, why: string): void {
  const file = process.env['LEADLINE_SKIPPED_FILE'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ title, why })}\n`);
}
