/**
 * The functions of the C library that are called, with what they take.
 *
 * size_t, off_t and ssize_t have 64 bits on both supported machines, and every
 * structure that `libc.ts` lays out is the same on both unless it says otherwise.
 *
 * @module
 */

/** By their names there; `epollWaitAsync` is `epoll_wait` on a thread of the runtime. */
export const LIBC_SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  strerror: { parameters: ["i32" /* errnum */], result: "pointer" },
  getpagesize: { parameters: [], result: "i32" },
  close: { parameters: ["i32" /* fd */], result: "i32" },
  unlink: { parameters: ["buffer" /* path */], result: "i32" },
  link: {
    parameters: ["buffer", /* oldpath */ "buffer" /* newpath */],
    result: "i32",
  },
  fcntl: {
    parameters: ["i32", /* fd */ "i32", /* op */ "i32" /* arg */],
    result: "i32",
  },
  memfd_create: {
    parameters: ["buffer", /* name */ "u32" /* flags */],
    result: "i32",
  },
  ftruncate: {
    parameters: ["i32", /* fd */ "i64" /* length */],
    result: "i32",
  },
  fstat: {
    parameters: ["i32", /* fd */ "buffer" /* statbuf */],
    result: "i32",
  },
  mmap: {
    parameters: [
      "usize", /* addr */
      "usize", /* length */
      "i32", /* prot */
      "i32", /* flags */
      "i32", /* fd */
      "i64", /* offset */
    ],
    result: "usize",
  },
  madvise: {
    parameters: ["usize", /* addr */ "usize", /* length */ "i32" /* advice */],
    result: "i32",
  },
  munmap: {
    parameters: ["usize", /* addr */ "usize" /* length */],
    result: "i32",
  },
  eventfd: {
    parameters: ["u32", /* initval */ "i32" /* flags */],
    result: "i32",
  },
  eventfd_write: {
    parameters: ["i32", /* fd */ "u64" /* value */],
    result: "i32",
  },
  eventfd_read: {
    parameters: ["i32", /* fd */ "buffer" /* value */],
    result: "i32",
  },
  poll: {
    parameters: ["buffer", /* fds */ "usize", /* nfds */ "i32" /* timeout */],
    result: "i32",
  },
  epoll_create1: { parameters: ["i32" /* flags */], result: "i32" },
  epoll_ctl: {
    parameters: [
      "i32", /* epfd */
      "i32", /* op */
      "i32", /* fd */
      "buffer", /* event */
    ],
    result: "i32",
  },
  epoll_wait: {
    parameters: [
      "i32", /* epfd */
      "buffer", /* events */
      "i32", /* maxevents */
      "i32", /* timeout */
    ],
    result: "i32",
  },
  epollWaitAsync: {
    name: "epoll_wait",
    parameters: [
      "i32", /* epfd */
      "buffer", /* events */
      "i32", /* maxevents */
      "i32", /* timeout */
    ],
    result: "i32",
    nonblocking: true,
  },
  socket: {
    parameters: ["i32", /* domain */ "i32", /* type */ "i32" /* protocol */],
    result: "i32",
  },
  ioctl: {
    parameters: ["i32", /* fd */ "u64", /* op */ "buffer" /* argp */],
    result: "i32",
  },
  socketpair: {
    parameters: [
      "i32", /* domain */
      "i32", /* type */
      "i32", /* protocol */
      "buffer", /* sv */
    ],
    result: "i32",
  },
  bind: {
    parameters: ["i32", /* fd */ "buffer", /* addr */ "u32" /* addrlen */],
    result: "i32",
  },
  listen: { parameters: ["i32", /* fd */ "i32" /* backlog */], result: "i32" },
  accept4: {
    parameters: [
      "i32", /* fd */
      "pointer", /* addr */
      "pointer", /* addrlen */
      "i32", /* flags */
    ],
    result: "i32",
  },
  connect: {
    parameters: ["i32", /* fd */ "buffer", /* addr */ "u32" /* addrlen */],
    result: "i32",
  },
  getsockopt: {
    parameters: [
      "i32", /* fd */
      "i32", /* level */
      "i32", /* optname */
      "buffer", /* optval */
      "buffer", /* optlen */
    ],
    result: "i32",
  },
  setsockopt: {
    parameters: [
      "i32", /* fd */
      "i32", /* level */
      "i32", /* optname */
      "buffer", /* optval */
      "u32", /* optlen */
    ],
    result: "i32",
  },
  recvmsg: {
    parameters: ["i32", /* fd */ "buffer", /* msg */ "i32" /* flags */],
    result: "isize",
  },
  sendmsg: {
    parameters: ["i32", /* fd */ "buffer", /* msg */ "i32" /* flags */],
    result: "isize",
  },
} as const;
