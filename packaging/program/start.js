// What the launcher runs with Deno.
import { main } from "@vhost-device-crypto/vhost-device-crypto/cli";

void main(Deno.args);
