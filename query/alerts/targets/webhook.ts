/** One POST of one message to a webhook. Decides nothing but what the answer means. */
import type { WebhookTarget } from '#schemas/alert.ts';

export type Delivery =
  | { outcome: 'sent'; status: number }
  | { outcome: 'tryAgain'; problem: string; retryAfterMs: number | null }
  | { outcome: 'refused'; problem: string };

const timeoutMs = 10_000;
const retryAfterMsMax = 300_000;

/** @param body JSON text. */
export async function postToWebhook(target: WebhookTarget, idempotencyKey: string, body: string, send: typeof fetch, stopped: AbortSignal): Promise<Delivery> {
  try {
    const answer = await send(target.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'leadline', ...target.headers, 'idempotency-key': idempotencyKey },
      body,
      // A redirected POST would arrive as a GET without its body.
      redirect: 'manual',
      signal: AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.body?.cancel();
    if (answer.ok) return { outcome: 'sent', status: answer.status };
    const problem = `answered ${answer.status}`;
    if (answer.status >= 500 || answer.status === 408 || answer.status === 429) return { outcome: 'tryAgain', problem, retryAfterMs: retryAfter(answer) };
    return { outcome: 'refused', problem };
  } catch (error) {
    return { outcome: 'tryAgain', problem: problemOf(error), retryAfterMs: null };
  }
}

function retryAfter(answer: Response): number | null {
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, retryAfterMsMax) : null;
}

/** What went wrong on the way. Never the address: it may hold a secret. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.name === 'TimeoutError') return `gave no answer within ${timeoutMs / 1000} s`;
  const { cause } = error;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? `could not be reached (${cause.code})` : `could not be reached (${error.name})`;
}
