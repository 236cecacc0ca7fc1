/**
 * Entry of the thread that the kit runs on where the backend is asynchronous.
 *
 * @module
 */

import { messageOf } from "../../backends/error_message.ts";
import { checkBackend } from "../conformance.ts";
import type { BridgeSetup, Told } from "./bridge_messages.ts";
import { bridgedBackend } from "./bridged_backend.ts";

interface WorkerScope {
  onmessage: ((event: MessageEvent<BridgeSetup>) => void) | null;
  postMessage(told: Told): void;
  close(): void;
}

const scope = self as unknown as WorkerScope;

scope.onmessage = ({ data: setup }) => {
  const backend = bridgedBackend(
    setup,
    (question) => scope.postMessage({ tell: "question", question }),
  );
  try {
    const report = checkBackend(backend, {
      ...setup.options,
      begins: (name) => scope.postMessage({ tell: "begins", name }),
      progress: (entry) => scope.postMessage({ tell: "progress", entry }),
    });
    scope.postMessage({ tell: "report", report });
  } catch (error) {
    const reason = messageOf(error);
    scope.postMessage({ tell: "error", reason });
  }
};
