import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { QatError, type Step } from "./device.ts";
import { diagnose } from "./diagnosis.ts";

const LIBRARIES = { qat: "libqat.so.4", usdm: "libusdm.so.0" };
const PCI = "sys/bus/pci/devices";
const PHYSICAL = `${PCI}/0000:6b:00.0`;
const VIRTUAL = `${PCI}/0000:6b:00.1`;

/** Files of a machine, and links where a text begins with "->". */
type Files = Readonly<Record<string, string>>;

const CARD: Files = {
  [`${PHYSICAL}/vendor`]: "0x8086\n",
  [`${PHYSICAL}/device`]: "0x4940\n",
  [`${PHYSICAL}/driver`]: "->/drivers/4xxx",
  [`${PHYSICAL}/qat/cfg_services`]: "sym;asym\n",
};
const FUNCTION: Files = {
  [`${VIRTUAL}/vendor`]: "0x8086\n",
  [`${VIRTUAL}/device`]: "0x4941\n",
  [`${VIRTUAL}/driver`]: "->/drivers/vfio-pci",
  [`${VIRTUAL}/iommu_group`]: "->/iommu_groups/42",
};
const NODES: Files = { "dev/vfio/vfio": "", "dev/vfio/42": "" };
const MANAGER: Files = { "run/qat/qatmgr.sock": "" };
const limits = (memlock: string): Files => ({
  "proc/self/limits": `Limit  Soft  Hard  Units\n` +
    `Max locked memory         ${memlock}              unlimited  bytes\n`,
});
const READY = {
  ...CARD,
  ...FUNCTION,
  ...NODES,
  ...MANAGER,
  ...limits("unlimited"),
};

async function causesOf(files: Files, step: Step = "start") {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, content] of Object.entries(files)) {
      const full = join(root, path);
      await Deno.mkdir(dirname(full), { recursive: true });
      if (content.startsWith("->")) await Deno.symlink(content.slice(2), full);
      else await Deno.writeTextFile(full, content);
    }
    const failure = new QatError(step, "icp_sal_userStart() returned -1");
    return diagnose(failure, LIBRARIES, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const CASES: readonly [string, Files, RegExp, RegExp][] = [
  ["no device", {}, /a QuickAssist device/, /another backend/],
  [
    "a device of another vendor",
    { [`${PHYSICAL}/vendor`]: "0x1234", [`${PHYSICAL}/device`]: "0x4940" },
    /a QuickAssist device/,
    /another backend/,
  ],
  [
    "a card without its driver",
    {
      [`${PHYSICAL}/vendor`]: "0x8086",
      [`${PHYSICAL}/device`]: "0x4940",
    },
    /a driver of QAT device 0000:6b:00\.0/,
    /modprobe qat_4xxx/,
  ],
  [
    "a card without functions",
    CARD,
    /virtual functions of QAT device/,
    /intel_iommu=on/,
  ],
  [
    "a function bound to another driver",
    { ...CARD, ...FUNCTION, [`${VIRTUAL}/driver`]: "->/drivers/4xxxvf" },
    /0000:6b:00\.1, which is bound to 4xxxvf/,
    /vfio-pci/,
  ],
  [
    "a card for compression",
    { ...READY, [`${PHYSICAL}/qat/cfg_services`]: "dc\n" },
    /configured for "dc"/,
    /sym;asym/,
  ],
  [
    "no vfio node",
    { ...CARD, ...FUNCTION, ...MANAGER },
    /^\/dev\/vfio\/vfio$/,
    /modprobe vfio-pci/,
  ],
  [
    "no node of the group",
    { ...CARD, ...FUNCTION, ...MANAGER, "dev/vfio/vfio": "" },
    /^\/dev\/vfio\/42$/,
    /intel_iommu=on/,
  ],
  [
    "no manager",
    { ...CARD, ...FUNCTION, ...NODES },
    /the qat manager at \/run\/qat/,
    /systemctl enable --now qat/,
  ],
  [
    "too little memlock",
    { ...READY, ...limits("8388608") },
    /may lock 8388608/,
    /memlock/,
  ],
];

for (const [name, files, what, remedy] of CASES) {
  Deno.test(`the probe names ${name}`, async () => {
    const [cause, ...others] = await causesOf(files);
    match(cause!.what, what);
    match(cause!.remedy, remedy);
    strictEqual(others.length, 0);
  });
}

Deno.test("a machine where all looks right is sent to the library's own words", async () => {
  const [cause] = await causesOf(READY);
  match(cause!.what, /icp_sal_userStart\(\) returned -1/);
  match(cause!.remedy, /stderr/);
});

Deno.test("several things that are missing are all named", async () => {
  const causes = await causesOf({
    ...CARD,
    ...FUNCTION,
    ...NODES,
    ...limits("65536"),
  });
  strictEqual(causes.length, 2);
  ok(causes.every(({ remedy }) => remedy.length > 0));
});

Deno.test("a missing library is named with its variable", async () => {
  const [usdm] = await causesOf({}, "usdm");
  match(usdm!.remedy, /VHOST_CRYPTO_USDM_LIBRARY/);
  const [qat] = await causesOf({}, "libqat");
  match(qat!.remedy, /VHOST_CRYPTO_QAT_LIBRARY/);
});

Deno.test("a manager that does not answer is named", async () => {
  const [cause] = await causesOf(READY, "silent");
  match(cause!.what, /an answer of the qat manager/);
  deepStrictEqual(cause!.remedy, "systemctl restart qat");
});
