/* Sleep, wake, close and drain of one ring, on a machine with store buffers (x86's total store order: each processor's
 * stores reach memory in order, but after its own later loads).
 *
 * The steps are those of Doorbell, SpaceGate (ringbuf/wakeup.h), reserve and close (ringbuf/ring_core.h). Two things are
 * left out on purpose. The timeouts of the waits: with them a lost wakeup costs milliseconds, here it is a deadlock,
 * which the checker finds. And the watermark: here each commit looks for a sleeper, which the shipped ring does where it
 * does not leave the matter to a timeout.
 *
 * Each of the four fences can be taken out: -DNO_RING_FENCE and so on. Each time the checker must find a deadlock.
 */
#ifndef ITEMS
#define ITEMS 4
#endif
#ifndef CAPACITY
#define CAPACITY 2
#endif

#define TAIL 0
#define SLEEPING 1
#define CLOSED 2
#define HEAD 3
#define WAITING 4

byte memory[5];
chan producer_stores = [3] of { byte, byte };
chan consumer_stores = [3] of { byte, byte };
bool consumer_in_futex = false;
bool producer_in_futex = false;

/* Stores arrive whenever it pleases the processor. */
active proctype producer_buffer() {
  byte variable, value;
end:
  do
  :: atomic { producer_stores ? variable, value -> memory[variable] = value }
  od
}
active proctype consumer_buffer() {
  byte variable, value;
end:
  do
  :: atomic { consumer_stores ? variable, value -> memory[variable] = value }
  od
}

#define fence(stores) empty(stores)

/* futex(2): the kernel compares the word and queues the thread in one step, after all of the thread's stores. */
inline futex_wait(stores, word, in_futex) {
  fence(stores);
  atomic {
    if
    :: memory[word] == 1 -> in_futex = true
    :: else
    fi
  }
  !in_futex
}

/* An exchange, which waits for the thread's own stores, and the wake that follows if there was somebody. */
inline wake(stores, word, in_futex) {
  atomic {
    fence(stores);
    if
    :: memory[word] != 0 -> memory[word] = 0; was = true
    :: else -> was = false
    fi
  }
  if
  :: was -> in_futex = false
  :: else
  fi
}

inline ring_doorbell() {
#ifndef NO_RING_FENCE
  fence(producer_stores);
#endif
  if
  :: memory[SLEEPING] != 0 -> wake(producer_stores, SLEEPING, consumer_in_futex)
  :: else
  fi
}

active proctype producer() {
  byte tail = 0;
  bool was;
  do
  :: tail < ITEMS ->
    do
    :: tail - memory[HEAD] < CAPACITY -> break
    :: else ->
      ring_doorbell();
      producer_stores ! WAITING, 1;
#ifndef NO_WAITER_FENCE
      fence(producer_stores);
#endif
      if
      :: tail - memory[HEAD] < CAPACITY
      :: else -> futex_wait(producer_stores, WAITING, producer_in_futex)
      fi;
      producer_stores ! WAITING, 0
    od;
    tail++;
    producer_stores ! TAIL, tail;
    ring_doorbell()
  :: else -> break
  od;
  producer_stores ! CLOSED, 1;
  ring_doorbell()
}

active proctype consumer() {
  byte cursor = 0;
  byte closed;
  bool was;
  do
  :: closed = memory[CLOSED]; /* before the tail: what was committed before closing is seen by the drain that follows */
    if
    :: memory[TAIL] != cursor ->
      cursor = memory[TAIL];
      consumer_stores ! HEAD, cursor;
#ifndef NO_GATE_FENCE
      fence(consumer_stores);
#endif
      if
      :: memory[WAITING] != 0 -> wake(consumer_stores, WAITING, producer_in_futex)
      :: else
      fi
    :: else ->
      if
      :: closed -> break
      :: else
      fi;
      consumer_stores ! SLEEPING, 1;
#ifndef NO_SLEEPER_FENCE
      fence(consumer_stores);
#endif
      if
      :: memory[TAIL] == cursor && memory[CLOSED] == 0 ->
        futex_wait(consumer_stores, SLEEPING, consumer_in_futex)
      :: else
      fi;
      consumer_stores ! SLEEPING, 0
    fi
  od;
  assert(cursor == ITEMS)
}
