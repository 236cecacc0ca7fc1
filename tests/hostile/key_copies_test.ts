import { deepStrictEqual, ok } from "node:assert/strict";
import { standIn } from "../qat_stand_in/parts.ts";
import { type RealPart, testWith } from "../../testing/real_parts.ts";
import { serveDeviceIn } from "../../testing/command_process.ts";
import { copiesIn } from "../../testing/process_memory.ts";
import { backendPart } from "../../testing/ready_backends.ts";
import { secretSessions } from "../../testing/secret_sessions.ts";
import {
  attach,
  expectNoCopies,
  openAll,
  servicesOf,
} from "../../testing/secret_use.ts";

/** A backend in a device process of its own, and what it must be able to do. */
interface Subject {
  readonly backend: string;
  readonly part: RealPart;
  readonly env: Readonly<Record<string, string>>;
  readonly services: readonly string[];
}

const SYMMETRIC = ["aead", "chain", "cipher", "mac"];
const ALL = ["aead", "akcipher", "chain", "cipher", "mac"];

async function subject(
  backend: string,
  services: readonly string[],
): Promise<Subject> {
  return { backend, part: await backendPart(backend), env: {}, services };
}

function qatOnStandIn(): Subject {
  const part = standIn();
  const { library, usdm } = part.libraries;
  const env = {
    VHOST_CRYPTO_QAT_LIBRARY: library,
    VHOST_CRYPTO_USDM_LIBRARY: usdm,
  };
  return { backend: "qat", part, env, services: ALL };
}

const SUBJECTS = [
  await subject("openssl", ALL),
  await subject("ipsec-mb", SYMMETRIC),
  await subject("libgcrypt", SYMMETRIC),
  qatOnStandIn(),
  // Its public keys are integers of the language, which nobody can wipe.
  await subject("noble", SYMMETRIC),
];

const serveSubject = ({ backend, env }: Subject, ...words: string[]) =>
  serveDeviceIn(env, "--backend", backend, ...words);

for (const subject of SUBJECTS) {
  testWith(
    subject.part,
    `no key is left when its session is destroyed, after a reset, and when the guest has gone [${subject.backend}]`,
    async () => {
      await using device = await serveSubject(subject);
      const all = secretSessions().filter(({ description }) =>
        subject.services.includes(description.service)
      );
      {
        await using driver = await attach(device);
        const { taken, open } = await openAll(driver, all);
        deepStrictEqual(servicesOf(taken), subject.services);
        const secrets = taken.flatMap(({ secrets }) => secrets);
        const found = copiesIn(device.process.pid, secrets).length;
        ok(
          found > taken.length / 2,
          `${found} copies in use: what is searched?`,
        );
        for (const session of open) await session.close();
        await expectNoCopies(device.process.pid, taken, "after destruction");
        await openAll(driver, taken);
        await driver.link.reset();
        await expectNoCopies(device.process.pid, taken, "after a reset");
      }
      {
        await using driver = await attach(device);
        await openAll(driver, all);
      }
      await expectNoCopies(device.process.pid, all, "after the guest");
    },
  );
}
