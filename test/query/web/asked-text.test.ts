import test from 'ava';
import { readAskedText } from '../../../query/web/asked-text.ts';

test('ids of the common kinds are opened without asking', t => {
  for (const id of [
    'fe3974115b911675d0640788986f80c9', ' FC48B1A2-6D0E-4C55-A1B0-0E5F77C20B91\n', 'req-fc48b1a2-6d0e-4c55-a1b0-0e5f77c20b91', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    'Root=1-5759e988-bd862e3fe1be46a994272793', '80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1', '4bf92f3577b34da6', '7017280452245743464', 'order_2026-11-21_00004711_eu',
  ]) t.is(readAskedText(id), 'id', id);
});

test('a short word with a digit may be either', t => {
  for (const word of ['order-4711', 'req-8f3a2c', 'timeout30']) t.is(readAskedText(word), 'maybe', word);
});

test('everything that reads as a query is searched', t => {
  for (const query of ['payment', 'service:cart', 'level>=warn', '"4711 declined"', 'order 4711', '-path:/healthz', '-4711', '/time.ut3/', '*', '']) t.is(readAskedText(query), 'query', query);
});
