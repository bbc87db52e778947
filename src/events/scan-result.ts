/** What a scan finds in a body; one result is used from body to body. */
import { REPAIR_RULES } from './repairs.ts';

export interface ScanResult {
  eventCount: number;
  /** Where the body's write key stands, without quotes; -1 when there is none. */
  writeKeyStart: number;
  writeKeyEnd: number;
  /** Where the messageId of each event stands, without quotes; start -1 when there is none. */
  idStarts: Int32Array;
  idEnds: Int32Array;
  /** The type of each event, as its place in EVENT_TYPES. */
  types: Uint8Array;
  /** True when any event is read in another way than it was sent. */
  isRepaired: boolean;
  /** How many events needed each rule of repairs.ts, in the order of REPAIR_RULES. */
  repaired: Uint32Array;
}

/** Room for what a scan finds; it grows. */
export function createScanResult(): ScanResult {
  const repaired = new Uint32Array(REPAIR_RULES.length);
  const noKey = { writeKeyStart: -1, writeKeyEnd: -1 };
  return { eventCount: 0, ...noKey, ...roomFor(256), isRepaired: false, repaired };
}

function roomFor(events: number): Pick<ScanResult, 'idStarts' | 'idEnds' | 'types'> {
  return {
    idStarts: new Int32Array(events),
    idEnds: new Int32Array(events),
    types: new Uint8Array(events),
  };
}

/** Twice the room, with what is in it. */
export function growScanResult(result: ScanResult): void {
  const larger = roomFor(result.types.length * 2);
  larger.idStarts.set(result.idStarts);
  larger.idEnds.set(result.idEnds);
  larger.types.set(result.types);
  Object.assign(result, larger);
}

/** Counts an event. @param rules bits of those that it needed. */
export function noteRules(result: ScanResult, rules: number): void {
  const { repaired } = result;
  result.isRepaired = true;
  for (let at = 0; at < repaired.length; at++) {
    if ((rules & (1 << at)) !== 0) repaired[at] = (repaired[at] as number) + 1;
  }
}

/** What a batch brings, it brings to each of its events. */
export function noteShared(result: ScanResult, rules: number): void {
  const { repaired, eventCount } = result;
  result.isRepaired = true;
  for (let at = 0; at < repaired.length; at++) {
    if ((rules & (1 << at)) !== 0) repaired[at] = eventCount;
  }
}
