/** Addresses in networks, `10.0.0.0/8` and `2001:db8::/32`. */
import { BlockList, isIP } from 'node:net';

export function isNetwork(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  if (address === undefined || prefix === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return false;
  const version = isIP(address);
  return version !== 0 && Number(prefix) <= (version === 4 ? 32 : 128);
}

/** @param network as `isNetwork` accepts it */
export function networkTest(network: string): (address: string) => boolean {
  const [base, prefix] = network.split('/') as [string, string];
  const list = new BlockList();
  list.addSubnet(base, Number(prefix), isIP(base) === 6 ? 'ipv6' : 'ipv4');
  return address => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
}
