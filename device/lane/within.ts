/**
 * Waiting for a promise, but not for ever.
 *
 * @module
 */

/**
 * What `promise` resolves to. Rejects when that takes longer than `deadlineMs`,
 * and then tells `late`.
 */
export async function within<T>(
  deadlineMs: number,
  promise: Promise<T>,
  late: () => void = () => {},
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late();
      reject(new Error(`no answer within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(timer);
  }
}
