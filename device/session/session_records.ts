/**
 * What every request looks at of its session, as numbers by the session's number
 * on this thread, so that many sessions cost little.
 *
 * @module
 */

/** Words of a record. */
export const RECORD_WORDS = 8;

/** The words of a record. */
export const enum SessionField {
  /** Number of the session's rules; 0 where there is no session. */
  Rules = 0,
  /** Operations under way. */
  InFlight = 1,
  /** State of the backends at which `Route` holds; -1: it holds at none. */
  Epoch = 2,
  /** Number of the route of a session whose requests all go the same way. */
  Route = 3,
  /** Number of that route's backend. */
  Backend = 4,
  /** What is to be done when none of its operations is under way. */
  WhenIdle = 5,
  /** Its identifier, where an index has it: two words. */
  IdLow = 6,
  IdHigh = 7,
}

/** Bits of {@linkcode SessionField.WhenIdle}. */
export const CLOSE_IT = 1;
export const CLOSE_OLD_ROUTES = 2;

const FIRST_SESSIONS = 64;

/** The records of a thread's sessions. */
export class SessionRecords {
  /** All records; another array after `begin`. */
  words = new Int32Array(RECORD_WORDS * FIRST_SESSIONS);

  /** Begins the record of a new session. */
  begin(number: number, rulesNumber: number): void {
    const at = RECORD_WORDS * number;
    if (at >= this.words.length) {
      const grown = new Int32Array(2 * at);
      grown.set(this.words);
      this.words = grown;
    }
    this.words.fill(0, at, at + RECORD_WORDS);
    this.words[at + SessionField.Rules] = rulesNumber;
    this.words[at + SessionField.Epoch] = -1;
  }

  /** Ends a record: no request is of that session any more. */
  end(number: number): void {
    this.words[RECORD_WORDS * number + SessionField.Rules] = 0;
  }
}
