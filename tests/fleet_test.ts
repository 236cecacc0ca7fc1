import assert from "node:assert/strict";
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

/** Objects for Kubernetes by kind, and which of them were held to a schema. */
interface KubernetesObjects {
  readonly objects: Record<string, unknown>;
  readonly validated: readonly string[];
}

/** Undefined where a schema refuses one. */
async function readObjects(
  text: string,
): Promise<KubernetesObjects | undefined> {
  const path = (name: string) =>
    new URL(`kubernetes/${name}`, import.meta.url).pathname;
  const reading = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--allow-env"],
      ...["--config", path("deno.json"), path("read_objects.ts")],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = reading.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await reading.output();
  return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
}

Deno.test("Kubernetes' schemas take what runs the device", async () => {
  const text = await read("kubernetes/device.yaml");
  const { validated } = (await readObjects(text))!;
  assert.deepEqual(validated.toSorted(), [
    "DaemonSet",
    "Namespace",
    "Service",
    "ServiceMonitor",
  ]);
  // What the schemas have is looked at.
  const broken = text.replace(/^ {2}selector:$/m, "  selectors:");
  assert.notEqual(broken, text);
  assert.equal(await readObjects(broken), undefined);
});

Deno.test("the options of the device in Kubernetes are options", async () => {
  const { objects } =
    (await readObjects(await read("kubernetes/device.yaml")))!;
  const { spec } = objects.DaemonSet as {
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
    const { objects, validated } =
      (await readObjects(await read("kubernetes/guest.yaml")))!;
    assert.deepEqual(validated.toSorted(), [
      "PersistentVolume",
      "PersistentVolumeClaim",
    ]);
    const { metadata } = objects.VirtualMachineInstance as {
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
