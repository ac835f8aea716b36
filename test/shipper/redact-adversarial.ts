/** Each repeated to a megabyte: with work that grows by the square of the bytes, none would end. */
export const adversarial: readonly string[] = [
  'eyJh', 'eyJhaaaaaa.', 'password', 'password=', 'password="', 'password=\\"', '"password":"\\', 'token ', '-----BEGIN PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----a-----END ', '@', 'a@', 'a@b.cc ', '://', '://a:@', '://:a', '4', '4111 ', '4111 1111 1111 1111-', '1 ', '\\', '\\"', '{"',
  '{"a":"password=x ', 'basic aaaa', 'bearer aaaaaaaaaaaaaaaa', 'ghp_', 'authorization', '_key', 'api_key', '--a', 'key ', '"', '{"log":"a@b.cc ',
];
