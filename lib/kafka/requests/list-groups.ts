/** ListGroups, version 4: the consumer groups that a broker coordinates, with their states. */
import { WireWriter } from '../wire.ts';
import type { RequestKind } from '../broker-connection.ts';

export interface ListedGroup {
  id: string;
  /** `Stable`, `Empty`, `PreparingRebalance` and so on. */
  state: string;
}

export const listGroupsKind: RequestKind<{ code: number; groups: ListedGroup[] }> = {
  name: 'ListGroups',
  apiKey: 16,
  version: 4,
  flexible: true,
  read: answer => {
    answer.int32();
    const code = answer.int16();
    const groups = answer.compactArray(() => {
      const id = answer.compactString() ?? '';
      answer.compactString();
      const state = answer.compactString() ?? '';
      answer.skipTags();
      return { id, state };
    });
    return { code, groups };
  },
};

/** Of any state. */
export function listGroupsBody(): Uint8Array[] {
  return [new WireWriter().unsignedVarint(1).noTags().bytes];
}
