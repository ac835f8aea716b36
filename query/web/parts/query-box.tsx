/** The query field of search and tail, with a mistake's place marked under it. */
import { useEffect, useRef } from 'preact/hooks';
import { readMistake } from '../query-mistake.ts';

interface QueryBoxProps {
  query: string;
  label: string;
  onQuery: (query: string) => void;
}

export function QueryBox({ query, label, onQuery }: QueryBoxProps) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.value = query;
  }, [query]);
  return (
    <input
      ref={box} class="query" type="search" name="query" defaultValue={query} data-search-box aria-label={label}
      placeholder={'service:payment level>=warn "card declined"'} autocomplete="off" autocapitalize="off" spellcheck={false} enterkeyhint="search"
      onKeyDown={event => { if (event.key === 'Enter') { event.preventDefault(); onQuery(event.currentTarget.value.trim()); } }}
    />
  );
}

export function QueryMistakeNote({ query, message }: { query: string; message: string }) {
  const mistake = readMistake(message, query);
  return (
    <div class="mistake" role="alert">
      {mistake.column !== null && (
        <pre aria-hidden="true">{query}{'\n'}{' '.repeat(mistake.column - 1)}<span class="caret">▲</span></pre>
      )}
      <p>{mistake.column !== null && <strong>Column {mistake.column}: </strong>}{mistake.message}</p>
    </div>
  );
}
