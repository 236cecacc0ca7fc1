/**
 * What holds only where a thread is not late.
 *
 * @module
 */

const TRIES = 5;

/**
 * Runs `once` until nothing is wrong, five times at most. For what has to be
 * done within a time that the device gives, where a thread that sleeps at the wrong
 * moment makes a test fail and a device that is wrong fails every try: for no test
 * that only sometimes finds what it looks for.
 */
export async function inSomeTry(once: () => Promise<void>): Promise<void> {
  for (let left = TRIES; left > 0; left--) {
    try {
      return await once();
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}
