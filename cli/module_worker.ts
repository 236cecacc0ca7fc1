/**
 * Entry of a thread that loads what queue threads do, and says whether it could.
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import { loadBackend } from "../backends/registry.ts";
import "../device/transport/vhost_user/queue_loop.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<readonly string[]>) => void) | null;
  postMessage(problem: string | undefined): void;
}

const scope = self as unknown as WorkerScope;

scope.onmessage = async ({ data: specifiers }) => {
  try {
    for (const specifier of specifiers) await loadBackend(specifier);
    scope.postMessage(undefined);
  } catch (error) {
    scope.postMessage(messageOf(error));
  }
};
