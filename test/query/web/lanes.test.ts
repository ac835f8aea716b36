import test from 'ava';
import { deltaNs, layLanes, nearestInLane, neighbourError, proofOf } from '../../../query/web/timeline/lanes.ts';
import { makeFailure } from './made-up-shop.ts';

const { timeline } = makeFailure(1_661_145_496_154_772_363n);

test('lanes stand in the order in which services first wrote', t => {
  const layout = layLanes(timeline);
  t.deepEqual(layout.services, ['frontend', 'checkout', 'cart', 'redis', 'catalog', 'currency', 'shipping', 'payment']);
  t.is(layout.eventsOf.reduce((sum, events) => sum + events.length, 0), timeline.events.length);
});

test('distances are exact to the nanosecond, which epoch numbers are not', t => {
  const events = timeline.events.slice(0, 2).map((event, n) => ({ ...event, timeNs: `166114549615477236${3 + n}` }));
  t.deepEqual([...layLanes({ services: [], events }).offsetsNs], [0, 1]);
});

test('a line of no known service gets a lane of its own, a service without lines none', t => {
  const events = timeline.events.map((event, n) => (n === 0 ? { ...event, service: null } : event));
  const layout = layLanes({ services: ['ghost', ...timeline.services], events });
  t.false(layout.services.includes('ghost'));
  t.is(layout.services[layout.laneOf[0]!], '(no service)');
});

test('a pointer between two ticks takes the nearer one of its lane', t => {
  const layout = layLanes(timeline);
  const [first, second] = [...layout.eventsOf[0]!];
  const between = layout.offsetsNs[second!]!;
  t.is(nearestInLane(layout, 0, between * 0.4), first!);
  t.is(nearestInLane(layout, 0, between * 0.6), second!);
  t.is(nearestInLane(layout, 0, -5), first!);
  t.is(nearestInLane(layout, 99, 0), null);
});

test('next and previous error go around', t => {
  t.is(neighbourError([3, 8], -1, 1), 3);
  t.is(neighbourError([3, 8], 3, 1), 8);
  t.is(neighbourError([3, 8], 8, 1), 3);
  t.is(neighbourError([3, 8], 8, -1), 3);
  t.is(neighbourError([3, 8], 3, -1), 8);
  t.is(neighbourError([], 3, 1), null);
});

test('the first line has no line before it', t => {
  const layout = layLanes(timeline);
  t.is(deltaNs(layout, 0), null);
  t.is(deltaNs(layout, 1), Number(BigInt(timeline.events[1]!.timeNs) - BigInt(timeline.events[0]!.timeNs)));
});

test('the line that proves an alias is found in any spelling of the id asked for', t => {
  const asked = timeline.ids[1]!.value.toUpperCase().replaceAll('-', '');
  t.is(proofOf({ ...timeline, asked })?.proof?.eventId, timeline.events[0]!.eventId);
  t.is(proofOf({ ...timeline, asked: 'other' }), null);
});
