# The way into the stub, through the call, and out again.
#
# On entry: rax and the arguments as for `syscall`; rcx: the address behind the traced call, as `syscall` would leave it;
# r11: where to go on. Not a word of the user's stack is touched: rsp changes to the thread's own stack at once. The
# general registers and flags are kept in a Frame (layout.h); vector registers are never used.
#
# The addresses between the labels tell the tracer, when a signal arrives, how far the call is: see layout.h, StubHeader,
# and leaving.cc.

#define SELF %gs:0
#define USER_RSP %gs:8
#define STACK_TOP %gs:16
#define RESUME %gs:24
#define PENDING %gs:32
#define BUSY %gs:40
#define PUBLISH_TO %gs:48
#define PUBLISH %gs:56

#define R10 56
#define R9 64
#define R8 72
#define RAX 80
#define RCX 88
#define RDX 96
#define RSI 104
#define RDI 112
#define RFLAGS 120

  .section .header, "a"
  .globl sl_header
sl_header:
  .quad sl_entry, sl_call, sl_behind, sl_committed, sl_leaving, sl_bailing, sl_end
  .quad sl_held_entry, sl_held_exit, sl_copy_few, sl_copy, sl_copied, sl_word, sl_no_word, sl_remote, sl_remote_int80
  .quad sl_bring_in, sl_brought_in, sl_ask, sl_asked

  .text
  .globl sl_entry
sl_entry:
  mov %rsp, USER_RSP
  mov %r11, RESUME
  mov STACK_TOP, %rsp
  pushfq
  cld
  push %rdi
  push %rsi
  push %rdx
  push %rcx
  push %rax
  push %r8
  push %r9
  push %r10
  push %r11
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, %rdi
  mov SELF, %rsi
  call sl_enter
sl_committed:                   # … unless rax says that the call is the tracer's
  test %eax, %eax
  jne sl_bailing
  mov R10(%rsp), %r10
  mov R9(%rsp), %r9
  mov R8(%rsp), %r8
  mov RAX(%rsp), %rax
  mov RDX(%rsp), %rdx
  mov RSI(%rsp), %rsi
  mov RDI(%rsp), %rdi
  cmpl $0, PENDING
  jne sl_held_entry
  mov PUBLISH, %rcx
  mov PUBLISH_TO, %r11
  mov %rcx, (%r11)              # the entry is in the ring: a release store, as all are on this processor
sl_syscall:
  movq $0, BUSY
sl_call:
  syscall
sl_behind:
  mov %rax, RAX(%rsp)
  mov %rsp, %rdi
  mov SELF, %rsi
  call sl_exit
sl_leaving:
  mov R10(%rsp), %r10
  mov R9(%rsp), %r9
  mov R8(%rsp), %r8
  mov RAX(%rsp), %rax
  mov RCX(%rsp), %rcx
  mov RDX(%rsp), %rdx
  mov RSI(%rsp), %rsi
  mov RDI(%rsp), %rdi
  mov RFLAGS(%rsp), %r11        # as `syscall` leaves it
  cmpl $0, PENDING
  jne sl_held_exit
  # popfq is dear, as it may change how the processor goes on. All that has changed are the six flags of arithmetic, and
  # the direction, which is as good as never set: overflow by an addition that does or does not, the others by sahf.
  mov RFLAGS(%rsp), %rax
  test $0x400, %eax
  jne 1f
  mov %eax, %ecx
  shr $11, %ecx
  and $1, %ecx
  mov %al, %ah
  add $127, %cl
  sahf
  mov RCX(%rsp), %rcx
  mov RAX(%rsp), %rax
  mov USER_RSP, %rsp
  jmp *RESUME
1:
  mov RAX(%rsp), %rax
  pushq RFLAGS(%rsp)
  popfq
  mov USER_RSP, %rsp
  jmp *RESUME

# The call is one that only the tracer can take through: make it where the stub can't catch it. Two bytes before where
# things go on there is always a `syscall` of the program's, or near its site one that traps.
sl_bailing:
  mov R10(%rsp), %r10
  mov R9(%rsp), %r9
  mov R8(%rsp), %r8
  mov RAX(%rsp), %rax
  mov RDX(%rsp), %rdx
  mov RSI(%rsp), %rsi
  mov RDI(%rsp), %rdi
  mov RESUME, %rcx
  lea -2(%rcx), %rcx
  pushq RFLAGS(%rsp)
  popfq
  mov USER_RSP, %rsp
  jmp *%rcx
sl_end:

sl_held_entry:
  int3
  ud2
sl_held_exit:
  int3
  ud2

# size_t sl_copy_bytes(void* to, const void* from, size_t n): how many could not be read.
  .globl sl_copy_bytes
sl_copy_bytes:
  mov %rdx, %rcx
  # Up to 16 bytes by two pieces that may overlap, or three of a byte each: `rep movsb` takes its time to begin. A fault
  # in one of these goes on at sl_copy, which will say how much there is.
sl_copy_few:
  cmp $16, %rdx
  ja sl_copy
  cmp $8, %rdx
  jb 4f
  mov (%rsi), %rax
  mov -8(%rsi,%rdx), %r8
  mov %rax, (%rdi)
  mov %r8, -8(%rdi,%rdx)
  xor %eax, %eax
  ret
4:
  cmp $4, %rdx
  jb 1f
  mov (%rsi), %eax
  mov -4(%rsi,%rdx), %r8d
  mov %eax, (%rdi)
  mov %r8d, -4(%rdi,%rdx)
  xor %eax, %eax
  ret
1:
  test %rdx, %rdx
  jz sl_copy
  mov %rdx, %r9
  shr $1, %r9
  movzbl (%rsi), %eax
  movzbl (%rsi,%r9), %r10d
  movzbl -1(%rsi,%rdx), %r8d
  mov %al, (%rdi)
  mov %r10b, (%rdi,%r9)
  mov %r8b, -1(%rdi,%rdx)
  xor %eax, %eax
  ret
sl_copy:
  rep movsb
sl_copied:
  mov %rcx, %rax
  ret

# int sl_same_words(const void* base, const uint32_t* where, const uint64_t* words, size_t n): whether each word at
# base + where[i] is words[i]; no, where one can't be read.
  .globl sl_same_words
sl_same_words:
  lea (%rsi,%rcx,4), %r8
0:
  cmp %r8, %rsi
  je 1f
  mov (%rsi), %eax
sl_word:
  mov (%rdi,%rax), %rax
  cmp (%rdx), %rax
  jne sl_no_word
  add $4, %rsi
  add $8, %rdx
  jmp 0b
1:
  mov $1, %eax
  ret
sl_no_word:
  xor %eax, %eax
  ret

# uint64_t sl_ask_path(int fd): the tracer's answer. See layout.h, path_answer.
  .globl sl_ask_path
sl_ask_path:
sl_ask:
  int3
  ud2
sl_asked:
  ret

# Calls that the tracer makes in the thread's name, and those that it takes, here where no dispatch diverts them.
sl_remote:
  syscall
  int3
sl_remote_int80:
  int $0x80
  int3

# Maps the stub, in the program's name: one piece, with one stop at its end, instead of a stop before and behind each call.
# The tracer writes a copy of this to where it is here, from sl_remote on, and the file's path behind it, in memory of the
# program's that is there for it alone. The last mapping puts the stub's image there: the same code, so things go on.
#
# First of all the thread sets its dispatch, as it is to be from here on.
#
# On entry: r12: kCode; rbx: kShared, rbp: how much is mapped from there on; r14: where instructions near sites are to be,
# or 0; r13: a descriptor of the stub's file, or -1; r15: a `syscall` that traps, once there is a dispatch. If there is none: at a breakpoint.
# At the trap: rbx: kCode, or an error; r13: the descriptor, if there is one; r14: what became of the wish; r10: the flags
# of the last mmap(2).
sl_bring_in:
  mov $157, %eax                # prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, kCode, kCodeBytes, no selector)
  mov $59, %edi
  mov $1, %esi
  mov %r12, %rdx
  mov %rbx, %r10
  sub %r12, %r10
  xor %r8d, %r8d
  syscall
  test %rax, %rax
  jnz 3f
  test %r13, %r13
  jns 4f
  mov $2, %eax                  # open(path, O_RDWR | O_CLOEXEC)
  lea sl_brought_in(%rip), %rdi
  mov $0x80002, %esi
  xor %edx, %edx
  xor %r10d, %r10d
  syscall
  test %rax, %rax
  js 2f
  mov %rax, %r13
4:
  mov $9, %eax                  # mmap(…, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, …)
  mov %rbx, %rdi
  mov %rbp, %rsi
  mov $3, %edx
  mov $0x104001, %r10d
  mov %r13, %r8
  mov %rbx, %r9
  sub %r12, %r9
  syscall
  cmp %rbx, %rax
  jne 2f
  test %r14, %r14
  jz 1f
  mov $9, %eax                  # mmap(…, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
  mov %r14, %rdi
  mov $0x10000, %esi            # NearCode::kAreaBytes
  mov $5, %edx
  mov $0x100022, %r10d
  mov $-1, %r8
  xor %r9d, %r9d
  syscall
  mov %rax, %r14
1:
  mov $9, %eax                  # mmap(…, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, …)
  mov %r12, %rdi
  mov %rbx, %rsi
  sub %r12, %rsi
  mov $5, %edx
  mov $0x4011, %r10d
  mov %r13, %r8
  xor %r9d, %r9d
  syscall
  cmp %r12, %rax
  jne 2f
  mov $28, %eax                 # madvise(…, MADV_DONTDUMP): a core would have gigabytes that were never used
  mov %r12, %rdi
  lea (%rbx, %rbp), %rsi
  sub %r12, %rsi
  mov $16, %edx
  syscall
  mov $3, %eax                  # close()
  mov %r13, %rdi
  syscall
  mov %r12, %rax
2:
  mov %rax, %rbx
  jmp *%r15
3:
  int3
  ud2
sl_brought_in:

  .section .note.GNU-stack, "", @progbits
