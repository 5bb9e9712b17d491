#include "src/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sightline {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

/// Regular files never block for long; everything else may.
bool can_block(int fd) {
  struct stat st {};
  return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
}

}  // namespace

int copy_of_descriptor(int fd) {
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
  // EINVAL: RLIMIT_NOFILE is lower (fcntl(2)).
  return high < 0 && errno == EINVAL ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : high;
}

Output::Output(int fd, std::string name) : fd_(fd), name_(std::move(name)), may_block_(can_block(fd)) {
  buffer_.reserve(kBufferBytes);
}

Output::~Output() {
  flush();
  if (fd_ >= 0) close(fd_);
}

std::unique_ptr<Output> Output::open(const std::string& path, bool append, std::string& error) {
  int fd = -1;
  if (path == "-")
    fd = copy_of_descriptor(STDOUT_FILENO);
  else
    fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
  if (fd < 0) {
    error = "can't write to " + (path == "-" ? std::string("stdout") : "'" + path + "'") + ": " + std::strerror(errno);
    return nullptr;
  }
  if (fd < 100) {
    const int high = copy_of_descriptor(fd);
    if (high >= 0) {
      close(fd);
      fd = high;
    }
  }
  return std::make_unique<Output>(fd, path == "-" ? "stdout" : "'" + path + "'");
}

bool Output::append(std::string_view text, uint32_t calls) {
  if (error_ == 0 && buffer_.size() + text.size() > kBufferBytes) flush();
  if (error_ != 0) {
    calls_lost_ += calls;
    return false;
  }
  if (calls != 0) marks_.push_back({written_ + buffer_.size() + text.size(), calls});
  buffer_ += text;
  return buffer_.size() < kBufferBytes || flush();
}

bool Output::flush() {
  if (error_ != 0) return false;
  const bool fine = buffer_.empty() || write_all(buffer_);
  for (const Mark& mark : marks_)
    if (mark.end > written_) calls_lost_ += mark.calls;
  marks_.clear();
  buffer_.clear();
  return fine;
}

bool Output::write_all(std::string_view text) {
  while (!text.empty()) {
    std::size_t piece = text.size();
    if (may_block_) {
      pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
      const int ready = poll(&waiting, 1, kPatienceMs);
      if (ready == 0) {
        error_ = ETIMEDOUT;
        return false;
      }
      // A pipe that polls as writable takes PIPE_BUF bytes without blocking (pipe(7)), not more.
      piece = std::min<std::size_t>(piece, 4096);
    }
    const ssize_t n = ::write(fd_, text.data(), piece);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) {
      error_ = n < 0 ? errno : EIO;
      return false;
    }
    written_ += static_cast<uint64_t>(n);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string Output::error_sentence() const {
  if (error_ == 0) return {};
  if (error_ == ETIMEDOUT) return "nobody reads " + name_ + ": writing was given up";
  return "can't write to " + name_ + ": " + std::strerror(error_);
}

}  // namespace sightline
