/// A buffered file descriptor that remembers its first error and never throws, blocks for ever, or raises a signal.
///
/// The traced program may be the reader of what we write (a pipe it holds, a terminal it has stopped, a file system it
/// serves). While we wait for it, its rings fill, and it is stopped until we go on: a deadlock. So a write that makes
/// no progress for `patience` is given up, and what comes after is counted as lost.
///
/// Threads: one. SIGPIPE and SIGXFSZ must not kill the process (see signals.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sightline {

class Output {
 public:
  static constexpr int kPatienceMs = 5000;

  /// Takes over `fd`. `name` is for messages.
  Output(int fd, std::string name);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Opens `path` for writing (truncated, or `append`); "-" is stdout. nullptr and one sentence in `error` on failure.
  static std::unique_ptr<Output> open(const std::string& path, bool append, std::string& error);

  /// False once an error has occurred: the text is lost. `calls`: how many calls the text tells of, for calls_lost().
  bool append(std::string_view text, uint32_t calls = 0);
  /// Writes what is buffered. False: an error occurred, now or earlier.
  bool flush();

  int error() const { return error_; }  ///< errno of the first failure, 0 if none
  uint64_t bytes_written() const { return written_; }
  /// Calls of texts that are not there, or not to their last byte.
  uint64_t calls_lost() const { return calls_lost_; }
  /// One sentence on the failure, "" if none.
  std::string error_sentence() const;

 private:
  /// A text in the buffer that tells of calls.
  struct Mark {
    uint64_t end;  // in bytes of the whole output
    uint32_t calls;
  };

  bool write_all(std::string_view text);

  int fd_;
  std::string name_;
  std::string buffer_;
  std::vector<Mark> marks_;
  uint64_t written_ = 0;
  uint64_t calls_lost_ = 0;
  int error_ = 0;
  bool may_block_;
};

/// A close-on-exec copy of `fd`, out of the way of programs that look at low descriptors in /proc/PPID and of our own
/// dup()s if the limit on descriptors allows. -1 and errno on failure.
int copy_of_descriptor(int fd);

}  // namespace sightline
