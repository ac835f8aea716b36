/** The box on top of every view: an id opens its timeline, anything else is searched. */
import { useRef } from 'preact/hooks';
import { getTimeline } from '../api.ts';
import { readAskedText } from '../asked-text.ts';
import { timelineAddress } from '../route.ts';
import { openAddress, openRoute } from '../router.ts';

/** Waits no longer than this for the answer whether a word is an id; searching finds it too. */
const lookUpMsMax = 1500;

async function isKnownId(asked: string): Promise<boolean> {
  const answer = await getTimeline(asked, false, AbortSignal.timeout(lookUpMsMax)).catch(() => null);
  return answer?.ok === true;
}

async function open(text: string): Promise<void> {
  const asked = text.trim();
  if (asked === '') return;
  const kind = readAskedText(asked);
  if (kind === 'id' || (kind === 'maybe' && await isKnownId(asked))) openAddress(timelineAddress(asked));
  else openRoute({ view: 'search', query: asked, since: '', until: '' });
}

export function AskBox() {
  const box = useRef<HTMLInputElement>(null);
  const submit = (text: string): void => {
    void open(text).then(() => {
      if (box.current === null) return;
      box.current.value = '';
      box.current.blur();
    });
  };
  return (
    <form class="ask" role="search" onSubmit={event => { event.preventDefault(); submit(box.current?.value ?? ''); }}>
      <input
        ref={box} type="search" data-search-box aria-label="A request id, or words to search" placeholder="Paste a request id, or search …"
        autocomplete="off" autocapitalize="off" spellcheck={false} enterkeyhint="search"
        onPaste={event => {
          const pasted = event.clipboardData?.getData('text') ?? '';
          if (event.currentTarget.value !== '' || readAskedText(pasted) !== 'id') return;
          event.preventDefault();
          submit(pasted);
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
}
