/// Gives a traced process a descriptor of ours, whoever it belongs to and wherever its root directory is.
///
/// Threads: the tracer's.
#pragma once

#include <sys/types.h>

#include "tracer/inprocess/remote.h"

namespace sightline::tracer::inprocess {

/// The process makes a pair of sockets, and we send it the descriptor through one of them, which pidfd_getfd(2) gives
/// us (Linux 5.6). Its number there, closed at exec; -1: it can't be done. Nothing else is left behind.
int hand_over(RemoteCalls& remote, pid_t tid, int fd);

}  // namespace sightline::tracer::inprocess
