// C: one call from each kind of code. The driver (../lines.py) reads the marks: a call whose text names "/matrix/NAME" must
// be named by the line marked EXPECT NAME, a mark "EXPECT @call" goes for the last such call of the program. "STACK a b"
// lists functions that its whole stack must hold in this order, innermost first.
#define _GNU_SOURCE
#include <alloca.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define INLINE static inline __attribute__((always_inline))

// Keeps a call from being the last thing its function does, and a value from being known.
static volatile int sink;

NOINLINE void plain(void) {
  sink = open("/matrix/plain", O_RDONLY);  // EXPECT plain STACK plain main
}

INLINE void inner(const char* name) {
  sink = open(name, O_RDONLY);  // EXPECT nested STACK inner middle outer nested main
}
INLINE void middle(const char* name) {
  inner(name);
  sink += 1;
}
INLINE void outer(const char* name) {
  middle(name);
  sink += 2;
}
NOINLINE void nested(void) {
  outer("/matrix/nested");
  sink += 3;
}

NOINLINE int called_last(const char* name) {
  sink = open(name, O_RDONLY);  // EXPECT tail STACK called_last main
  return sink;
}
NOINLINE int calls_last(const char* name) {
  return called_last(name);
}

__attribute__((cold)) NOINLINE void complain(void) {
  sink += 4;
}
NOINLINE void hot(int rare) {
  sink += 5;
  if (__builtin_expect(rare, 0)) {
    sink = open("/matrix/cold", O_RDONLY);  // EXPECT cold STACK hot main
    complain();
  }
  sink += 6;
}

NOINLINE void grows(int size) {
  char* room = alloca((size_t)size);
  memset(room, 0, (size_t)size);
  snprintf(room, (size_t)size, "/matrix/%s", "alloca");
  sink = open(room, O_RDONLY);  // EXPECT alloca STACK grows main
}

NOINLINE void aligned(int size) {
  _Alignas(128) char room[256];
  char* more = alloca((size_t)size);
  memset(room, 0, sizeof room);
  memset(more, 0, (size_t)size);
  strcpy(room, "/matrix/realigned");
  sink = open(room, O_RDONLY) + more[1];  // EXPECT realigned STACK aligned main
}

NOINLINE int descend(int depth) {
  if (depth == 0) {
    sink = open("/matrix/deep", O_RDONLY);  // EXPECT deep STACK descend descend descend main
    return 0;
  }
  return descend(depth - 1) + sink;
}

static void on_signal(int number) {
  sink = open("/matrix/handler", O_RDONLY) + number;  // EXPECT handler STACK on_signal signals main
}
// Only the stack that the thread is on is copied, so its whole stack ends here.
static void on_other_stack(int number) {
  sink = open("/matrix/altstack", O_RDONLY) + number;  // EXPECT altstack STACK on_other_stack
}
NOINLINE void signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  static char room[65536];
  const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
  sigaltstack(&stack, NULL);
  action.sa_flags = SA_ONSTACK;
  action.sa_handler = on_other_stack;
  sigaction(SIGUSR2, &action, NULL);
  raise(SIGUSR2);
  sink += 7;
}

static ucontext_t here;
static ucontext_t there;
static void in_context(void) {
  sink = open("/matrix/ucontext", O_RDONLY);  // EXPECT ucontext STACK in_context
}
NOINLINE void contexts(void) {
  static char room[65536];
  getcontext(&there);
  there.uc_stack.ss_sp = room;
  there.uc_stack.ss_size = sizeof room;
  there.uc_link = &here;
  makecontext(&there, in_context, 0);
  swapcontext(&here, &there);
}

NOINLINE void vforks(void) {
  const pid_t child = vfork();  // EXPECT @vfork
  if (child == 0) {
    sink = open("/matrix/vfork", O_RDONLY);  // EXPECT vfork STACK vforks main
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

NOINLINE void clones(void) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child == 0) {
    sink = open("/matrix/clone3", O_RDONLY);  // EXPECT clone3 STACK clones main
    _exit(0);
  }
  waitpid((pid_t)child, NULL, 0);
}

static void* in_thread(void* argument) {
  sink = open("/matrix/thread", O_RDONLY);  // EXPECT thread STACK in_thread
  return argument;
}
NOINLINE void threads(void) {
  pthread_t all[64];
  for (int i = 0; i < 64; ++i) pthread_create(&all[i], NULL, in_thread, NULL);
  for (int i = 0; i < 64; ++i) pthread_join(all[i], NULL);
}

NOINLINE void unbuffered(void) {
  fprintf(stderr, "/matrix/unbuffered\n");  // EXPECT unbuffered STACK unbuffered main
  sink += 8;
}

NOINLINE void lineless(void) {
  long result;
  // What an optimizer writes for instructions that belong to no line.
  __asm__ volatile(".loc 1 0 0\n\tsyscall"  // EXPECT lineless NEAR STACK lineless main
                   : "=a"(result)
                   : "a"(SYS_open), "D"("/matrix/lineless"), "S"(O_RDONLY)
                   : "rcx", "r11", "memory");
  sink = (int)result;
}

NOINLINE void clock_of_process(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);  // EXPECT @clock_gettime STACK clock_of_process main
  sink = (int)now.tv_sec;
}

NOINLINE void leave(void) {
  _exit(0);  // EXPECT @exit_group STACK leave main
}

static const char* program;
static void* in_thread_that_execs(void* argument) {
  execl(program, program, "again", NULL);
  return argument;
}
NOINLINE void after_exec(void) {
  sink = open("/matrix/exec", O_RDONLY);  // EXPECT exec STACK after_exec main
}

int main(int argc, char** argv) {
  program = argv[0];
  if (argc > 1 && strcmp(argv[1], "again") == 0) {
    after_exec();
    leave();
  }
  // So that a program whose file is gone by then is run as well.
  if (argc > 1 && strcmp(argv[1], "unlink") == 0) unlink(program);
  // First, since how much of the stack is copied at open() is learned from the calls before.
  sink += descend(200);
  plain();
  nested();
  calls_last("/matrix/tail");
  hot(argc);
  grows(1000 * argc);
  aligned(100 * argc);
  signals();
  contexts();
  vforks();
  clones();
  threads();
  unbuffered();
  lineless();
  clock_of_process();
  if (argc > 1) leave();
  pthread_t thread;
  if (pthread_create(&thread, NULL, in_thread_that_execs, NULL) == 0) pause();
  return 1;
}
