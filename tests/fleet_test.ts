import assert from "node:assert/strict";
import { ServiceMonitor } from "npm:@kubernetes-models/prometheus-operator@6.0.0/monitoring.coreos.com/v1/ServiceMonitor";
import { DaemonSet } from "npm:kubernetes-models@5.1.0/apps/v1/DaemonSet";
import { Namespace } from "npm:kubernetes-models@5.1.0/v1/Namespace";
import { PersistentVolume } from "npm:kubernetes-models@5.1.0/v1/PersistentVolume";
import { PersistentVolumeClaim } from "npm:kubernetes-models@5.1.0/v1/PersistentVolumeClaim";
import { Service } from "npm:kubernetes-models@5.1.0/v1/Service";
import { parseAllDocuments } from "npm:yaml@2.9.1";
import { parseServeOptions } from "../cli/parse_options.ts";
import { cryptodevCommand, genericCommand } from "../cli/qemu_commands.ts";
import { temporaryFolder } from "../testing/files.ts";
import { program } from "../testing/programs.ts";
import { testWith } from "../testing/real_parts.ts";

const CONTRIB = new URL("../contrib/", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, CONTRIB));

const MODES = { generic: genericCommand, cryptodev: cryptodevCommand };
const VALIDATOR = program(
  "virt-xml-validate",
  "libvirt-clients and libxml2-utils",
);
const PYTHON = program("python3");

/** The arguments for QEMU that a domain has besides its own. */
const argumentsOf = (xml: string): string[] =>
  [...xml.matchAll(/<qemu:arg\s+value="([^"]*)"\s*\/>/g)].map(([, word]) =>
    word!
  );

/** Those of the command that the device prints, behind the guest's memory. */
function printed(mode: keyof typeof MODES, path: string): string[] {
  const words = MODES[mode](path, 1).replaceAll("\\\n", "").split(/ +/);
  return words.slice(words.indexOf("-chardev"), words.indexOf("#"));
}

/** What libvirt's own schema says of a domain. */
async function validate(xml: string): Promise<void> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/domain.xml`;
  await Deno.writeTextFile(path, xml);
  const { success, stdout, stderr } = await new Deno.Command(
    "virt-xml-validate",
    { args: [path, "domain"] },
  ).output();
  const said = [stdout, stderr].map((one) => new TextDecoder().decode(one));
  assert.ok(success, said.join(""));
}

for (const mode of ["generic", "cryptodev"] as const) {
  testWith(
    VALIDATOR,
    `libvirt's schema takes the domain for ${mode} mode`,
    async () => {
      await validate(await read(`libvirt/${mode}.xml`));
    },
  );

  Deno.test(`the domain for ${mode} mode has the device's own arguments`, async () => {
    const xml = await read(`libvirt/${mode}.xml`);
    const place = ",bus=pcie.0,addr=0x1e";
    const words = argumentsOf(xml).map((word) => word.replace(place, ""));
    assert.deepEqual(
      words,
      printed(mode, "/run/vhost-device-crypto/crypto.sock"),
    );
    assert.match(xml, /<source type="memfd" ?\/>\s*<access mode="shared" ?\/>/);
  });
}

async function documents(path: string): Promise<Map<string, unknown>> {
  const all = parseAllDocuments(await read(path));
  return new Map(all.map((one) => {
    assert.deepEqual(one.errors, []);
    const value = one.toJS();
    return [value.kind, value];
  }));
}

Deno.test("Kubernetes' schemas take what runs the device", async () => {
  const kinds = await documents("kubernetes/device.yaml");
  const models = { DaemonSet, Namespace, Service, ServiceMonitor };
  assert.deepEqual([...kinds.keys()].sort(), Object.keys(models).sort());
  for (const [kind, Model] of Object.entries(models)) {
    // deno-lint-ignore no-explicit-any -- each model takes objects of its own
    new (Model as any)(kinds.get(kind)).validate();
  }
  // What the schemas have is looked at.
  const broken = structuredClone(kinds.get("DaemonSet")) as {
    spec: { selector?: unknown };
  };
  delete broken.spec.selector;
  // deno-lint-ignore no-explicit-any -- it is none
  assert.throws(() => new DaemonSet(broken as any).validate());
});

Deno.test("the options of the device in Kubernetes are options", async () => {
  const kinds = await documents("kubernetes/device.yaml");
  const { spec } = kinds.get("DaemonSet") as {
    spec: {
      template: {
        spec: { containers: { command: string[]; args: string[] }[] };
      };
    };
  };
  const [{ command, args }] = spec.template.spec.containers as [
    { command: string[]; args: string[] },
  ];
  // An image has a command of its own, behind which it would stand else.
  assert.deepEqual(command, ["vhost-device-crypto", "supervise", "--"]);
  assert.equal(parseServeOptions(args).sockets.length, 16);
});

/** What the hook makes of a domain, or what it says. */
async function hook(annotations: Record<string, string>, domain: string) {
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: [
      new URL("kubernetes/onDefineDomain", CONTRIB).pathname,
      ...["--vmi", JSON.stringify({ metadata: { annotations } })],
      ...["--domain", domain],
    ],
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, xml: decode(stdout), said: decode(stderr) };
}

testWith(
  PYTHON,
  "KubeVirt's hook adds the device to a machine's domain",
  async () => {
    const kinds = await documents("kubernetes/guest.yaml");
    const claims = { PersistentVolume, PersistentVolumeClaim };
    for (const [kind, Model] of Object.entries(claims)) {
      // deno-lint-ignore no-explicit-any -- each model takes objects of its own
      new (Model as any)(kinds.get(kind)).validate();
    }
    const { metadata } = kinds.get("VirtualMachineInstance") as {
      metadata: { annotations: Record<string, string> };
    };
    const [sidecar] = JSON.parse(
      metadata.annotations["hooks.kubevirt.io/hookSidecars"]!,
    );
    const bare = (await read("libvirt/generic.xml"))
      .replace(/<qemu:commandline>[^]*<\/qemu:commandline>/, "")
      .replace(/<memoryBacking>[^]*<\/memoryBacking>/, "");
    for (const mode of ["generic", "cryptodev"] as const) {
      const own = { ...metadata.annotations, "vhost-device-crypto/mode": mode };
      const { success, xml, said } = await hook(own, bare);
      assert.ok(success, said);
      const words = argumentsOf(xml)
        .map((word) => word.replace(",bus=pcie.0,addr=0x1e", ""));
      const path = `${sidecar.pvc.sharedComputePath}/0.sock`;
      assert.deepEqual(words, printed(mode, path));
      assert.match(xml, /<access mode="shared" ?\/>/);
      if (VALIDATOR.present) await validate(xml);
    }
  },
);

testWith(
  PYTHON,
  "KubeVirt's hook refuses what is no socket and no mode",
  async () => {
    const domain = "<domain/>";
    const socket = "vhost-device-crypto/socket";
    for (
      const annotations of [{}, { [socket]: "../x" }, { [socket]: "a,b" }, {
        [socket]: "0.sock",
        "vhost-device-crypto/mode": "fast",
      }]
    ) {
      const { success, xml, said } = await hook(annotations, domain);
      assert.ok(!success);
      assert.equal(xml, "");
      assert.match(said, /^vhost-device-crypto\/[^\n]* expected [^\n]*\n$/);
    }
  },
);
