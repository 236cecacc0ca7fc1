/**
 * The session of a stateless request: that of its one operation.
 *
 * @module
 */

import { keyRoom } from "../algorithms/key_bytes.ts";
import { findIllegal } from "../algorithms/legality.ts";
import { wipeKeys } from "../algorithms/session_description.ts";
import type { Segments } from "../memory/segments.ts";
import type { ThreadSession } from "./session/thread_session.ts";
import type {
  ThreadSessions,
  ThreadSettings,
} from "./session/thread_sessions.ts";
import type { DataRequest } from "./wire/data_request.ts";
import { refuseBeyondLimits } from "./wire/session_limits.ts";
import { decodeSession, isRefusal } from "./wire/session_parameters.ts";
import { Status } from "./wire/status.ts";

/** Opens it, with the keys in `readable`; a status says why there is none. */
export function openStateless(
  request: DataRequest,
  readable: Segments,
  sessions: ThreadSessions,
  settings: ThreadSettings,
): ThreadSession | Status {
  const refusal = refuseBeyondLimits(request, settings);
  if (refusal) return refusal.status;
  const keysEnd = request.authKeyAt + request.authKeyBytes;
  if (keysEnd > readable.totalBytes) return Status.Error;
  const key = keyRoom(request.keyBytes);
  const authKey = keyRoom(request.authKeyBytes);
  readable.read(request.keyAt, key);
  readable.read(request.authKeyAt, authKey);
  const description = decodeSession(request, key, authKey);
  // The description has copies of its own.
  key.fill(0);
  authKey.fill(0);
  if (isRefusal(description)) return description.status;
  const illegal = findIllegal(description);
  const session = illegal ? undefined : sessions.openOnce(description);
  if (session) return session;
  wipeKeys(description);
  return illegal?.kind === "error" ? Status.Error : Status.NotSupported;
}
