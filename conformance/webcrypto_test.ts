import webcrypto from "../backends/webcrypto/webcrypto.ts";
import { conformanceTests } from "./conformance.ts";

conformanceTests(webcrypto);
