import { strictEqual } from "node:assert/strict";
import type { SessionDescription } from "../../algorithms/session_description.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  type BackendThread,
  OperationKind,
  OperationStatus,
} from "../backend.ts";
import { CONTIGUOUS, Job, runJobs } from "../../conformance/operations.ts";
import { Random } from "../../conformance/random.ts";
import { openOperations } from "../burst_operations.ts";
import ipsecMb from "./ipsec_mb.ts";
import { TEST_LIBRARIES } from "../../testing/ipsec_mb_parts.ts";

interface Answer {
  readonly source: string;
  readonly algorithm: string;
  readonly key: string;
  readonly iv: string;
  readonly message: string;
  /** The ciphertext or the code. */
  readonly result: string;
}

const CIPHERS: readonly Answer[] = [
  {
    source: "ETSI TS 135 203, 512 bits",
    algorithm: "kasumi-f8",
    key: "2bd6459f82c5b300952c49104881ff48",
    iv: "72a4f20f64000000",
    message:
      "10111231e060253a43fd3f57e37607ab2827b599b6b1bbda37a8abcc5a8c550d" +
      "1bfb2f494624fb50367fa36ce3bc68f11cf93b1510376b02130f812a9fa169d8",
    result: "bf35de337aa3b83260202f164d9aa9d0f17b6f4bfd76adf5083701d0da5d8e16" +
      "9c8305655bedcb56d2e40f2814a7ee7db9c0b29cf13db4b1f3706bb6b381f892",
  },
  {
    source: "3GPP UEA2 and UIA2 implementers' test data, UEA2 set 2",
    algorithm: "snow3g-uea2",
    key: "d3c5d592327fb11c4035c6680af8c6d1",
    iv: "398a59b4ac000000398a59b4ac000000",
    message: "981ba6824c1bfb1ab485472029b71d808ce33e2cc3c0b5fc1f3de8a6dc66b1f0",
    result: "5d5bfe75eb04f68ce0a12377ea00b37d47c6a0ba06309155086a859c4341b37c",
  },
  {
    source: "3GPP UEA2 and UIA2 implementers' test data, UEA2 set 3",
    algorithm: "snow3g-uea2",
    key: "5acb1d644c0d51204ea5f1451010d852",
    iv: "fa556b261c000000fa556b261c000000",
    message: "ad9c441f890b38c457a49d421407e8",
    result: "ba0f31300334c56b52a7497cbac046",
  },
  {
    source: "3GPP EEA3 and EIA3 implementers' test data, EEA3 set 2",
    algorithm: "zuc-eea3",
    key: "e5bd3ea0eb55ade866c6ac58bd54302a",
    // COUNT 00056823, BEARER 18, DIRECTION 1
    iv: "00056823c400000000056823c4000000",
    message:
      "14a8ef693d678507bbe7270a7f67ff5006c3525b9807e467c4e56000ba338f5d" +
      "429559036751822246c80d3b38f07f4be2d8ff5805f5132229bde93bbbdcaf38" +
      "2bf1ee972fbf9977bada8945847a2a6c9ad34a667554e04d1f7fa2c33241bd8f" +
      "01ba220d",
    result: "131d43e0dea1be5c5a1bfd971d852cbf712d7b4f57961fea3208afa8bca433f4" +
      "56ad09c7417e58bc69cf8866d1353f74865e80781d202dfb3ecff7fcbc3b190f" +
      "e82a204ed0e350fc0f6f2613b2f2bca6df5a473a57a4a00d985ebad880d6f238" +
      "64a07b01",
  },
  {
    source: "ZUC specification, test vector 1",
    algorithm: "zuc-eea3",
    key: "00000000000000000000000000000000",
    iv: "00000000000000000000000000000000",
    message: "0000000000000000",
    result: "27bede74018082da",
  },
  {
    source: "ZUC specification, test vector 3",
    algorithm: "zuc-eea3",
    key: "3d4c4be96a82fdaeb58f641db17b455b",
    iv: "84319aa8de6915ca1f6bda6bfbd8c766",
    message: "0000000000000000",
    result: "14f1c2723279c419",
  },
];

const MACS: readonly Answer[] = [
  {
    source: "ETSI TS 135 203, f9 set 1",
    algorithm: "kasumi-f9",
    key: "2bd6459f82c5b300952c49104881ff48",
    iv: "",
    message: "38a6f05605d2ec496b227737296f393c8079353edc87e2e805d2ec49a4f2d8e2",
    result: "f63bd72c",
  },
  {
    source: "ETSI TS 135 203, f9 set 2",
    algorithm: "kasumi-f9",
    key: "d42f682428201cafcd9f97945e6de7b7",
    iv: "",
    message:
      "3edc87e2a4f2d8e2b5924384328a4ae00b737109f8b6c8dd2b4db63dd533981c" +
      "eb19aad52a5b2bc3",
    result: "a9daf1ff",
  },
  {
    source: "ETSI TS 135 203, f9 set 2",
    algorithm: "cbcmac-kasumi-f9",
    key: "d42f682428201cafcd9f97945e6de7b7",
    iv: "",
    message:
      "3edc87e2a4f2d8e2b5924384328a4ae00b737109f8b6c8dd2b4db63dd533981c" +
      "eb19aad52a5b2bc3",
    result: "a9daf1ff",
  },
  {
    source: "3GPP UEA2 and UIA2 implementers' test data, 384 bits",
    algorithm: "snow3g-uia2",
    key: "c736c6aab22bfff91e2698d2e22ad57e",
    iv: "14793e410397e8fd94793e41039768fd",
    message:
      "d0a7d463df9fb2b278833fa02e235aa172bd970c1473e12907fb648b6599aaa0" +
      "b24a038665422b20a499276a50427009",
    result: "38b554c0",
  },
  {
    source: "3GPP UEA2 and UIA2 implementers' test data, 1000 bits",
    algorithm: "snow3g-uia2",
    key: "f4ebec69e73eaf2eb2cf6af4b3120ffd",
    iv: "296f393c6b227737a96f393c6b22f737",
    message:
      "10bfff839e0c71658dbb2d1707e145724f41c16f48bf403c3b18e38fd5d1663b" +
      "6f6d900193e3cea8bb4f1b4f5be822032232a78d7d75238d5e6daecd3b4322cf" +
      "59bc7ea84ab18811b5bfb7bc553f4fe44478ce287a14879990d18d12ca79d2c8" +
      "55149021cd5ce8ca0371ca04fcce143e3d7cfee94585b5885cac46068b",
    result: "061745ae",
  },
  {
    source: "128-EIA3, COUNT a94059da, BEARER 0a, DIRECTION 0",
    algorithm: "zuc-eia3",
    key: "c9e6cec4607c72db000aefa88385ab0a",
    iv: "a94059da50000000a94059da50000000",
    message:
      "983b41d47d780c9e1ad11d7eb70391b1de0b35da2dc62f83e7b78d6306ca0ea0" +
      "7e941b7be91348f9fcb170e2217fecd97f9f68adb16e5d7d21e569d280ed775c",
    result: "bbaf2fc3",
  },
  {
    source: "128-EIA3, COUNT a94059da, BEARER 0a, DIRECTION 1",
    algorithm: "zuc-eia3",
    key: "c9e6cec4607c72db000aefa88385ab0a",
    iv: "a94059da50000000294059da50008000",
    message:
      "983b41d47d780c9e1ad11d7eb70391b1de0b35da2dc62f83e7b78d6306ca0ea0" +
      "7e941b7be91348f9fcb170e2217fecd97f9f68adb16e5d7d21e569d2",
    result: "395c1192",
  },
];

const bytes = (hex: string) => Uint8Array.fromHex(hex);

function run(
  thread: BackendThread,
  description: SessionDescription,
  request: Job["request"],
) {
  const session = thread.openSession(description);
  const job = new Job(request, session, CONTIGUOUS, new Random(1));
  runJobs(thread, [job]);
  thread.closeSession(session);
  const result = job.result();
  strictEqual(result.status, OperationStatus.Ok);
  return result;
}

function checkCipher(thread: BackendThread, answer: Answer): void {
  for (const direction of ["encrypt", "decrypt"] as const) {
    const encrypts = direction === "encrypt";
    const source = bytes(encrypts ? answer.message : answer.result);
    const { destination } = run(thread, {
      service: "cipher",
      algorithm: answer.algorithm,
      direction,
      key: bytes(answer.key),
    }, {
      kind: encrypts ? OperationKind.Encrypt : OperationKind.Decrypt,
      iv: bytes(answer.iv),
      source,
      destinationBytes: source.length,
      digestBytes: 0,
    });
    strictEqual(
      destination.toHex(),
      encrypts ? answer.result : answer.message,
      answer.source,
    );
  }
}

function checkMac(thread: BackendThread, answer: Answer): void {
  const { digest } = run(thread, {
    service: "mac",
    algorithm: answer.algorithm,
    key: bytes(answer.key),
    resultBytes: 4,
  }, {
    kind: OperationKind.Digest,
    source: bytes(answer.iv + answer.message),
    destinationBytes: 0,
    digestBytes: 4,
  });
  strictEqual(digest.toHex(), answer.result, answer.source);
}

for (const { path, part } of TEST_LIBRARIES) {
  testWith(part, `${part.name} gives the known answers of 3GPP`, () => {
    const thread = openOperations(ipsecMb, { library: path });
    for (const answer of CIPHERS) checkCipher(thread, answer);
    for (const answer of MACS) checkMac(thread, answer);
    thread.close();
  });
}
