/** The keyboard's keys, on `?`. */
import { useEffect, useRef } from 'preact/hooks';

const keys: [string[], string][] = [
  [['/'], 'to the search field'],
  [['j', 'k'], 'next, previous row'],
  [['Enter'], 'open the row: a request, a timeline, a line’s detail'],
  [['Space'], 'open a found line’s detail'],
  [['e', 'E'], 'next, previous error in a timeline'],
  [['g'], 'fold or show idle gaps in a timeline'],
  [['p'], 'pause or resume the live tail'],
  [['?'], 'this help'],
  [['Esc'], 'leave a field, close this'],
];

export function Help({ open, onClose }: { open: boolean; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={onClose} onClick={event => { if (event.target === dialog.current) onClose(); }}>
      <div class="help">
        <h2 id="help-title">Keys</h2>
        <dl>{keys.map(([names, does]) => <div key={does}><dt>{names.map(name => <kbd key={name}>{name}</kbd>)}</dt><dd>{does}</dd></div>)}</dl>
        <h2>Queries</h2>
        <p><code>service:payment level&gt;=warn "card declined" -path:/healthz</code></p>
        <p>Words next to each other must all match; <code>and or not ( )</code>, <code>field:pre*</code>, <code>field:*</code>, <code>duration&gt;250ms</code>, <code>ip:10.0.0.0/8</code> and <code>/regex/</code> work too.</p>
        <p><button type="button" onClick={onClose}>Close</button></p>
      </div>
    </dialog>
  );
}
