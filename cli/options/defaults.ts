/**
 * Numbers that hold where an option is not given.
 *
 * @module
 */

export const DEFAULTS = {
  queues: 1,
  maxSessions: 1024,
  maxSizeBytes: 4 * 1024 * 1024,
  spinMicroseconds: 20,
} as const;
