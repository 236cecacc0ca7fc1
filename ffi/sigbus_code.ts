/**
 * The SIGBUS handler as machine code: no JavaScript can run where a page of
 * memory is missing.
 *
 * A fault in one of the ranges of a table puts anonymous memory in place of the
 * whole range, so that the access is repeated and goes on, counts, and adds 1 to
 * an eventfd. Where that much cannot be had, one page is put in place. Any other
 * fault, and one for which not even a page can be had, goes to the handler there
 * was before, and without one has the system's default action: it ends the
 * process.
 *
 * It calls nothing but the kernel, changes no register for whom it interrupts
 * (the kernel puts them back), and takes no lock. An entry of the table is valid
 * while its end is not 0; whoever changes it makes the end 0 first and sets it
 * last.
 *
 * @module
 */

/** Where things lie in the table; all are little-endian. */
export const TABLE = {
  /** u32: how many entries the handler looks at. */
  COUNT: 0,
  /** The kernel's struct sigaction of before: handler, flags, restorer, mask. */
  BEFORE: 8,
  /** u64: the number 1. */
  ONE: 40,
  ENTRIES: 64,
} as const;

/** Where things lie in an entry. */
export const ENTRY = {
  /** u64: native address of the first byte. */
  START: 0,
  /** u64: that of the byte after the last; 0: the entry is not in use. */
  END: 8,
  /** u64: the unit in which the range is mapped. */
  PAGE_BYTES: 16,
  /** i32: an eventfd. */
  WAKE: 24,
  /** u32: how many faults there were. */
  FAULTS: 28,
  BYTES: 32,
} as const;

const X86_64 = `
  4c 8b 25 e0 00 00 00          | mov r12,QWORD PTR [rip+0xe0]     ; the table: its address follows the code
  49 89 f6                      | mov r14,rsi
  49 89 d7                      | mov r15,rdx
  83 7e 08 02                   | cmp DWORD PTR [rsi+0x8],0x2      ; si_code: from BUS_ADRERR on
  0f 8c 87 00 00 00             | jl other
  48 8b 6e 10                   | mov rbp,QWORD PTR [rsi+0x10]     ; si_addr
  41 8b 0c 24                   | mov ecx,DWORD PTR [r12]          ; how many entries there are
  49 8d 5c 24 40                | lea rbx,[r12+0x40]               ; the first of them
next:
  83 e9 01                      | sub ecx,0x1
  72 75                         | jb other
  4c 8b 4b 08                   | mov r9,QWORD PTR [rbx+0x8]       ; its end
  4c 39 cd                      | cmp rbp,r9
  73 0e                         | jae skip
  48 8b 3b                      | mov rdi,QWORD PTR [rbx]          ; its start
  48 39 fd                      | cmp rbp,rdi
  72 06                         | jb skip
  4c 3b 4b 08                   | cmp r9,QWORD PTR [rbx+0x8]       ; not changed meanwhile
  74 06                         | je found
skip:
  48 83 c3 20                   | add rbx,0x20
  eb de                         | jmp next
found:
  4c 89 ce                      | mov rsi,r9
  48 29 fe                      | sub rsi,rdi                      ; the whole range
  ba 03 00 00 00                | mov edx,0x3                      ; PROT_READ | PROT_WRITE
  41 ba 32 40 00 00             | mov r10d,0x4032                  ; MAP_PRIVATE | _FIXED | _ANONYMOUS | _NORESERVE
  49 c7 c0 ff ff ff ff          | mov r8,0xffffffffffffffff
  45 31 c9                      | xor r9d,r9d
again:
  b8 09 00 00 00                | mov eax,0x9                      ; mmap
  0f 05                         | syscall
  48 3d 01 f0 ff ff             | cmp rax,0xfffffffffffff001       ; below the error numbers
  72 15                         | jb gone
  48 3b 73 10                   | cmp rsi,QWORD PTR [rbx+0x10]     ; neither can a single page be had
  74 28                         | je other
  48 8b 73 10                   | mov rsi,QWORD PTR [rbx+0x10]
  48 89 f7                      | mov rdi,rsi
  48 f7 df                      | neg rdi
  48 21 ef                      | and rdi,rbp                      ; the page of si_addr
  eb dc                         | jmp again
gone:
  f0 ff 43 1c                   | lock inc DWORD PTR [rbx+0x1c]    ; faults of the range
  b8 01 00 00 00                | mov eax,0x1                      ; write
  8b 7b 18                      | mov edi,DWORD PTR [rbx+0x18]     ; the eventfd of its owner
  49 8d 74 24 28                | lea rsi,[r12+0x28]               ; the number 1
  ba 08 00 00 00                | mov edx,0x8
  0f 05                         | syscall
  c3                            | ret
other:
  bf 07 00 00 00                | mov edi,0x7                      ; SIGBUS
  49 8b 44 24 08                | mov rax,QWORD PTR [r12+0x8]      ; the handler before this one
  48 83 f8 01                   | cmp rax,0x1                      ; SIG_DFL, SIG_IGN
  76 08                         | jbe reset
  4c 89 f6                      | mov rsi,r14
  4c 89 fa                      | mov rdx,r15
  ff e0                         | jmp rax
reset:
  b8 0d 00 00 00                | mov eax,0xd                      ; rt_sigaction
  49 8d 74 24 08                | lea rsi,[r12+0x8]
  31 d2                         | xor edx,edx
  41 ba 08 00 00 00             | mov r10d,0x8
  0f 05                         | syscall
  41 83 7e 08 00                | cmp DWORD PTR [r14+0x8],0x0      ; a fault comes again by itself
  7f 15                         | jg back
  b8 27 00 00 00                | mov eax,0x27                     ; what somebody sent does not: getpid
  0f 05                         | syscall
  89 c7                         | mov edi,eax
  be 07 00 00 00                | mov esi,0x7
  b8 3e 00 00 00                | mov eax,0x3e                     ; kill
  0f 05                         | syscall
back:
  c3                            | ret
`;

const AARCH64 = `
  09 09 00 58 | ldr x9, table               ; the table: its address follows the code
  f4 03 01 aa | mov x20, x1
  f5 03 02 aa | mov x21, x2
  23 08 40 b9 | ldr w3, [x1, #8]
  7f 08 00 71 | cmp w3, #0x2                ; si_code: from BUS_ADRERR on
  ab 05 00 54 | b.lt other
  33 08 40 f9 | ldr x19, [x1, #16]          ; si_addr
  24 fd df 88 | ldar w4, [x9]               ; how many entries there are
  2a 01 01 91 | add x10, x9, #0x40          ; the first of them
next:
  84 04 00 71 | subs w4, w4, #0x1
  03 05 00 54 | b.cc other
  4b 21 00 91 | add x11, x10, #0x8
  65 fd df c8 | ldar x5, [x11]              ; its end
  7f 02 05 eb | cmp x19, x5
  e2 00 00 54 | b.cs skip
  40 fd df c8 | ldar x0, [x10]              ; its start
  7f 02 00 eb | cmp x19, x0
  83 00 00 54 | b.cc skip
  66 01 40 f9 | ldr x6, [x11]
  bf 00 06 eb | cmp x5, x6                  ; not changed meanwhile
  60 00 00 54 | b.eq found
skip:
  4a 81 00 91 | add x10, x10, #0x20
  f3 ff ff 17 | b next
found:
  a1 00 00 cb | sub x1, x5, x0              ; the whole range
  62 00 80 d2 | mov x2, #0x3                ; PROT_READ | PROT_WRITE
  43 06 88 d2 | mov x3, #0x4032             ; MAP_PRIVATE | _FIXED | _ANONYMOUS | _NORESERVE
  04 00 80 92 | mov x4, #0xffffffffffffffff
  05 00 80 d2 | mov x5, #0x0
  c8 1b 80 d2 | mov x8, #0xde               ; mmap
again:
  01 00 00 d4 | svc #0x0
  1f fc 3f b1 | cmn x0, #0xfff              ; below the error numbers
  03 01 00 54 | b.cc gone
  46 09 40 f9 | ldr x6, [x10, #16]
  3f 00 06 eb | cmp x1, x6                  ; neither can a single page be had
  00 02 00 54 | b.eq other
  e1 03 06 aa | mov x1, x6
  e0 03 06 cb | neg x0, x6
  00 00 13 8a | and x0, x0, x19             ; the page of si_addr
  f7 ff ff 17 | b again
gone:
  4b 71 00 91 | add x11, x10, #0x1c         ; faults of the range
count:
  6c 7d 5f 88 | ldxr w12, [x11]
  8c 05 00 11 | add w12, w12, #0x1
  6c 7d 0d 88 | stxr w13, w12, [x11]
  ad ff ff 35 | cbnz w13, count
  08 08 80 d2 | mov x8, #0x40               ; write
  40 19 40 b9 | ldr w0, [x10, #24]          ; the eventfd of its owner
  21 a1 00 91 | add x1, x9, #0x28           ; the number 1
  02 01 80 d2 | mov x2, #0x8
  01 00 00 d4 | svc #0x0
  c0 03 5f d6 | ret
other:
  e0 00 80 52 | mov w0, #0x7                ; SIGBUS
  2b 05 40 f9 | ldr x11, [x9, #8]           ; the handler before this one
  7f 05 00 f1 | cmp x11, #0x1               ; SIG_DFL, SIG_IGN
  89 00 00 54 | b.ls reset
  e1 03 14 aa | mov x1, x20
  e2 03 15 aa | mov x2, x21
  60 01 1f d6 | br x11
reset:
  c8 10 80 d2 | mov x8, #0x86               ; rt_sigaction
  21 21 00 91 | add x1, x9, #0x8
  02 00 80 d2 | mov x2, #0x0
  03 01 80 d2 | mov x3, #0x8
  01 00 00 d4 | svc #0x0
  83 0a 40 b9 | ldr w3, [x20, #8]
  7f 00 00 71 | cmp w3, #0x0                ; a fault comes again by itself
  cc 00 00 54 | b.gt back
  88 15 80 d2 | mov x8, #0xac               ; what somebody sent does not: getpid
  01 00 00 d4 | svc #0x0
  e1 00 80 d2 | mov x1, #0x7
  28 10 80 d2 | mov x8, #0x81               ; kill
  01 00 00 d4 | svc #0x0
back:
  c0 03 5f d6 | ret
  1f 20 03 d5 | nop
`;

/** Bytes and assembly of each machine for which there is a handler. */
export const LISTINGS: Partial<Record<typeof Deno.build.arch, string>> = {
  x86_64: X86_64,
  aarch64: AARCH64,
};

/** The bytes of a listing. */
export function bytesOf(listing: string): Uint8Array {
  const words = listing.split("\n")
    .flatMap((line) =>
      /^ +([0-9a-f ]+)\|/.exec(line)?.[1]?.match(/\S+/g) ?? []
    );
  return Uint8Array.from(words, (word) => parseInt(word, 16));
}

/**
 * The handler of this machine for the table at `tableAddress`, or undefined where
 * there is none.
 */
export function sigbusHandler(tableAddress: bigint): Uint8Array | undefined {
  const listing = LISTINGS[Deno.build.arch];
  if (listing === undefined) return undefined;
  const address = new Uint8Array(BigUint64Array.of(tableAddress).buffer);
  return Uint8Array.from([...bytesOf(listing), ...address]);
}
