// The cheapest system call there is, in a loop: all that is measured is the tracer.
//
//   getppid-loop [CALLS [THREADS [hold]]]
//
// Each thread makes CALLS. With `hold` they stay until stdin ends, which is after "ready" was said.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls = 20000;
static int hold = 0;
static pthread_barrier_t made;
static pthread_barrier_t over;

static void* loop(void* unused) {
  for (long i = 0; i < calls; i++) syscall(SYS_getppid);
  if (hold) {
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&over);
  }
  return unused;
}

int main(int argc, char** argv) {
  if (argc > 1) calls = atol(argv[1]);
  const int threads = argc > 2 ? atoi(argv[2]) : 1;
  hold = argc > 3;
  pthread_t others[1024];
  if (threads < 1 || threads > 1024) return 2;
  pthread_barrier_init(&made, NULL, (unsigned)threads);
  pthread_barrier_init(&over, NULL, (unsigned)threads);
  for (int i = 1; i < threads; i++)
    if (pthread_create(&others[i], NULL, loop, NULL) != 0) return 1;
  if (hold) {
    for (long i = 0; i < calls; i++) syscall(SYS_getppid);
    pthread_barrier_wait(&made);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    pthread_barrier_wait(&over);
  } else {
    loop(NULL);
  }
  for (int i = 1; i < threads; i++) pthread_join(others[i], NULL);
  return 0;
}
