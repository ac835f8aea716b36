/** Version numbers: any count of parts, and what stands before a release (`-rc.1`) comes before it, by the rules of Semantic Versioning 2.0 (11). */

/** Parts of the release, then those of the pre-release; build metadata (`+…`) says nothing about order. */
export interface Version {
  release: string[];
  preRelease: string[];
}

const charactersMax = 128;
const shape = /^[vV]?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

export function readVersion(text: string): Version | null {
  if (text.length > charactersMax) return null;
  const found = shape.exec(text);
  if (found === null) return null;
  return { release: found[1]!.split('.'), preRelease: found[2]?.split('.') ?? [] };
}

/** Missing parts count as 0: `1.4` and `1.4.0` are equal. @returns negative where `a` comes first */
export function compareVersions(a: Version, b: Version): number {
  for (let index = 0; index < Math.max(a.release.length, b.release.length); index++) {
    const order = compareDigits(a.release[index] ?? '0', b.release[index] ?? '0');
    if (order !== 0) return order;
  }
  if (a.preRelease.length === 0 || b.preRelease.length === 0) return b.preRelease.length - a.preRelease.length;
  for (let index = 0; index < Math.min(a.preRelease.length, b.preRelease.length); index++) {
    const order = comparePreReleaseParts(a.preRelease[index]!, b.preRelease[index]!);
    if (order !== 0) return order;
  }
  return a.preRelease.length - b.preRelease.length;
}

/** Digits of any length, without turning them into a number that might not hold them. */
function compareDigits(a: string, b: string): number {
  const first = a.replace(/^0+/, '');
  const second = b.replace(/^0+/, '');
  return first.length - second.length || (first < second ? -1 : first > second ? 1 : 0);
}

function comparePreReleaseParts(a: string, b: string): number {
  const firstIsNumber = /^\d+$/.test(a);
  const secondIsNumber = /^\d+$/.test(b);
  if (firstIsNumber && secondIsNumber) return compareDigits(a, b);
  if (firstIsNumber !== secondIsNumber) return firstIsNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
