/** Whether the window is as narrow as a phone's, where a row takes two lines. */
import { useEffect, useState } from 'preact/hooks';

const narrowQuery = '(max-width: 719px)';

export function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia(narrowQuery).matches);
  useEffect(() => {
    const media = matchMedia(narrowQuery);
    const change = (): void => setNarrow(media.matches);
    media.addEventListener('change', change);
    return () => media.removeEventListener('change', change);
  }, []);
  return narrow;
}

/** Heights of a line's row, in pixels; the style sheet sets the same. */
export const rowPxWide = 25;
export const rowPxNarrow = 52;
