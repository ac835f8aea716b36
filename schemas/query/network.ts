/** Addresses and networks, IPv4 and IPv6. */
import { BlockList, isIP } from 'node:net';

export interface Network {
  address: string;
  prefixBits: number;
}

const shape = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/;
const addressCharactersMax = 64;
const withPort = /^(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9a-fA-F.:]+)\]):\d{1,5}$/;

/** `10.0.0.0/8`, or null. `prefixBits` may be past `prefixBitsMax`; that is for the caller to say. */
export function readNetwork(text: string): Network | null {
  const found = shape.exec(text);
  return found !== null && isIP(found[1]!) !== 0 ? { address: found[1]!, prefixBits: Number(found[2]) } : null;
}

export function prefixBitsMax(network: Network): number {
  return isIP(network.address) === 4 ? 32 : 128;
}

/**
 * Tells whether a text is an address in the network. Taken are also an address with its port (`10.0.0.5:52344`, `[::1]:80`), and an IPv4 address
 * in its IPv6 spelling.
 */
export function networkTest(network: Network): (text: string) => boolean {
  const members = new BlockList();
  members.addSubnet(network.address, network.prefixBits, isIP(network.address) === 4 ? 'ipv4' : 'ipv6');
  return text => {
    if (text.length > addressCharactersMax) return false;
    let address = text;
    let version = isIP(address);
    if (version === 0) {
      const found = withPort.exec(text);
      if (found === null) return false;
      address = found[1] ?? found[2]!;
      version = isIP(address);
      if (version === 0) return false;
    }
    return members.check(address, version === 4 ? 'ipv4' : 'ipv6');
  };
}
