import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { EAGAIN, nativeBuffer, openLibc } from "../../../ffi/libc.ts";
import {
  bytesInPipe,
  fillPipe,
  movePipe,
  openPipe,
} from "../../../ffi/libc_pipe.ts";
import { SocketMessages, socketPair } from "../../../ffi/libc_socket.ts";
import { openDescriptors } from "../../../testing/vhost_user_server.ts";
import { KeptWords } from "../../state/kept_words.ts";
import { KeptAnswers } from "./kept_answers.ts";

const libc = openLibc();
const MESSAGE = 7;
const ANSWER = answerOf(300);

function answerOf(lengthBytes: number): Uint8Array<ArrayBuffer> {
  const answer = nativeBuffer(lengthBytes);
  for (let i = 0; i < lengthBytes; i++) answer[i] = i;
  return answer;
}

/** A front-end, and what outlives the processes that answer it. */
class Scene implements Disposable {
  readonly socket: number;
  readonly #other: number;
  readonly #messages = new SocketMessages(libc);
  readonly #words = new KeptWords(new Uint8Array(nativeBuffer(64).buffer));
  readonly pipe = openPipe(libc) as Exclude<
    ReturnType<typeof openPipe>,
    number
  >;
  /** The answers of the process that is killed. */
  readonly first = new KeptAnswers(libc, this.#words, this.pipe, false);

  constructor() {
    const pair = socketPair(libc);
    ok(typeof pair === "object");
    [this.#other, this.socket] = pair;
  }

  /** The next process does what is left; returns what the front-end then has. */
  next(hasPipe = true): { left: string; got: Uint8Array } {
    const next = new KeptAnswers(libc, this.#words, this.pipe, hasPipe);
    const left = next.left(MESSAGE, false);
    if (left === "not sent") {
      strictEqual(next.sendLeft(this.socket, MESSAGE, ANSWER), undefined);
      strictEqual(next.left(MESSAGE, false), "sent");
      strictEqual(bytesInPipe(libc, this.pipe), 0);
    }
    return { left, got: this.read() };
  }

  read(): Uint8Array {
    const into = nativeBuffer(1024);
    const count = this.#messages.receive(this.#other, into, []);
    return count === -EAGAIN ? new Uint8Array(0) : into.slice(0, count);
  }

  [Symbol.dispose](): void {
    this.first.close();
    libc.close(this.socket);
    libc.close(this.#other);
  }
}

Deno.test("an answer is sent once, at whichever step the process ends", () => {
  const steps: readonly ((scene: Scene) => void)[] = [
    ({ pipe }) => strictEqual(fillPipe(libc, pipe, ANSWER), ANSWER.length),
    ({ first }) => first.begin(MESSAGE),
    ({ pipe, socket }) =>
      strictEqual(movePipe(libc, pipe, socket, ANSWER.length), ANSWER.length),
    ({ first }) => first.end(MESSAGE),
  ];
  for (let done = 0; done <= steps.length; done++) {
    using scene = new Scene();
    for (const step of steps.slice(0, done)) step(scene);
    // The front-end reads what there is, and has nothing to say then.
    const before = scene.read();
    const { left, got } = scene.next();
    strictEqual(left, done < 3 ? "not sent" : "sent", `${done} steps`);
    deepStrictEqual([...before, ...got], [...ANSWER], `${done} steps`);
  }
});

Deno.test("an answer of which a part has left is sent to its end", () => {
  using scene = new Scene();
  strictEqual(fillPipe(libc, scene.pipe, ANSWER), ANSWER.length);
  scene.first.begin(MESSAGE);
  strictEqual(movePipe(libc, scene.pipe, scene.socket, 100), 100);
  const { got } = scene.next();
  deepStrictEqual([...got], [...ANSWER]);
});

Deno.test("without the pipe, or with a descriptor, an answer is in doubt", () => {
  using scene = new Scene();
  scene.first.begin(MESSAGE);
  strictEqual(scene.first.left(MESSAGE, false), "in doubt");
  strictEqual(scene.next(false).left, "in doubt");
  strictEqual(scene.next().left, "sent");
});

Deno.test("a front-end that reads no answers makes nobody wait", () => {
  using scene = new Scene();
  const long = answerOf(4096);
  let problem: string | undefined;
  let sent = 0;
  for (; sent < 1000 && problem === undefined; sent++) {
    problem = scene.first.send(scene.socket, MESSAGE + sent, long);
  }
  match(problem ?? "", /does not read replies/);
});

Deno.test("what a pipe of the process before cannot have is not sent", () => {
  using scene = new Scene();
  fillPipe(libc, scene.pipe, answerOf(4000));
  scene.first.begin(MESSAGE);
  const problem = scene.first.sendLeft(scene.socket, MESSAGE, ANSWER);
  match(problem ?? "", /has 4000 bytes of 300/);
  strictEqual(scene.read().length, 0);
});

Deno.test("answers leave no descriptor open", () => {
  const before = openDescriptors();
  new Scene()[Symbol.dispose]();
  strictEqual(openDescriptors(), before);
});
