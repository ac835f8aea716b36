/** A refusal that is no mistake in a query: what the server said, word for word, since its sentences say what to do. */
import type { ErrorBody } from '#schemas/http-api.ts';
import { EmptyState } from './show.tsx';

export function Refusal({ error }: { error: ErrorBody }) {
  return (
    <EmptyState title="The server could not answer">
      <p>{error.message}</p>
      <p class="faint">{error.code}</p>
    </EmptyState>
  );
}
