// System V: shared memory, semaphores, messages.
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "tests/tracees/expect.h"

using expect::address_result;
using expect::call;
using expect::line;
using expect::result;

int main() {
  expect::begin();

  const long memory = call(SYS_shmget, IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  line("shmget(IPC_PRIVATE, 4096, IPC_CREAT|0600) = %s", result(memory));
  const long at = call(SYS_shmat, memory, nullptr, SHM_RDONLY);
  line("shmat(%ld, NULL, SHM_RDONLY) = %s", memory, address_result(at));
  long n = call(SYS_shmdt, at);
  line("shmdt(%#lx) = %s", at, result(n));
  n = call(SYS_shmctl, memory, IPC_RMID, nullptr);
  line("shmctl(%ld, IPC_RMID, NULL) = %s", memory, result(n));
  n = call(SYS_shmget, 0x1234, 1, 0);
  line("shmget(0x1234, 1, 000) = %s", result(n));

  const long semaphores = call(SYS_semget, IPC_PRIVATE, 2, 0600);
  line("semget(IPC_PRIVATE, 2, 0600) = %s", result(semaphores));
  sembuf operations[2] = {{0, 1, SEM_UNDO}, {1, -1, IPC_NOWAIT}};
  n = call(SYS_semop, semaphores, operations, 2);
  line("semop(%ld, [{sem_num=0, sem_op=1, sem_flg=SEM_UNDO}, {sem_num=1, sem_op=-1, sem_flg=IPC_NOWAIT}], 2) = %s",
       semaphores, result(n));
  n = call(SYS_semctl, semaphores, 1, SETVAL, 5);
  line("semctl(%ld, 1, SETVAL, 0x5) = %s", semaphores, result(n));
  n = call(SYS_semctl, semaphores, 0, IPC_RMID, 0);
  line("semctl(%ld, 0, IPC_RMID, NULL) = %s", semaphores, result(n));

  const long queue = call(SYS_msgget, IPC_PRIVATE, IPC_CREAT | IPC_EXCL | 0644);
  line("msgget(IPC_PRIVATE, IPC_CREAT|IPC_EXCL|0644) = %s", result(queue));
  struct {
    long type;
    char text[8];
  } message{3, {'h', 'e', 'l', 'l', 'o'}};
  n = call(SYS_msgsnd, queue, &message, 5, IPC_NOWAIT);
  line("msgsnd(%ld, {mtype=3, mtext=\"hello\"}, 5, IPC_NOWAIT) = %s", queue, result(n));
  n = call(SYS_msgrcv, queue, &message, 5, 0, 0);
  line("msgrcv(%ld, {mtype=3, mtext=\"hello\"}, 5, 0, 0) = %s", queue, result(n));
  n = call(SYS_msgrcv, queue, &message, 8, -3, IPC_NOWAIT | MSG_NOERROR);
  line("msgrcv(%ld, %p, 8, -3, MSG_NOERROR|IPC_NOWAIT) = %s", queue, static_cast<void*>(&message), result(n));
  n = call(SYS_msgctl, queue, IPC_RMID, nullptr);
  line("msgctl(%ld, IPC_RMID, NULL) = %s", queue, result(n));

  expect::end();
  return expect::finish();
}
