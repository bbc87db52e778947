/** The log as destinations read it: what they ask, and what they get. */
import type { StoredEvent } from '../../events/raw-event.ts';

export interface FeedRecord {
  position: number;
  next: number;
  events: StoredEvent[];
  /** Of the record, for bounding memory. */
  bytes: number;
}

export interface FeedChunk {
  records: readonly FeedRecord[];
  /** Where the next chunk begins; damage and foreign bytes are stepped over. */
  next: number;
  bytes: number;
}

export interface Feed {
  /**
   * What is from a place on, up to the judged end; null when there is nothing yet. Below the
   * beginning of the log it comes from the archive.
   */
  read(partition: string, from: number, upTo: number): Promise<FeedChunk | null>;
  /** One stored event, or null when its record is gone or damaged. */
  event(partition: string, position: number, index: number): Promise<StoredEvent | null>;
  /** Where the log begins and, for each segment, when it was begun. */
  segments(partition: string): Promise<{ base: number; createdMs: number; bytes: number }[]>;
  /** The first place with an event received at or after the time, if the archive has one. */
  firstPosition(partition: string, receivedMs: number): Promise<number | null>;
  close(): Promise<void>;
}
