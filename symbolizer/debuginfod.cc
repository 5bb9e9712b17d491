#include "symbolizer/debuginfod.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace sightline::symbolizer {
namespace {

// A build of a large system can bring thousands of programs; a server should not have to answer for each.
constexpr std::size_t kMostRequests = 1024;

struct Client;
using Progress = int (*)(Client*, long, long);

/// The functions of elfutils/debuginfod.h that are needed. The library stays loaded: its own libraries have threads and
/// clean up at exit.
struct Library {
  Client* (*begin)() = nullptr;
  int (*find)(Client*, const unsigned char*, int, char**) = nullptr;
  void (*set_progress)(Client*, Progress) = nullptr;
  void (*end)(Client*) = nullptr;
};

template <typename Function>
bool take(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

/// "" or why it cannot be used.
std::string load(Library& library) {
  const char* servers = std::getenv("DEBUGINFOD_URLS");
  if (servers == nullptr || *servers == '\0') return "DEBUGINFOD_URLS names no server";
  void* handle = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return "libdebuginfod is not installed";
  const bool is_whole =
      take(handle, "debuginfod_begin", library.begin) && take(handle, "debuginfod_find_debuginfo", library.find) &&
      take(handle, "debuginfod_set_progressfn", library.set_progress) && take(handle, "debuginfod_end", library.end);
  return is_whole ? "" : "libdebuginfod is too old";
}

// A callback of C: it has the client and nothing else to know its Debuginfod by.
thread_local const std::atomic<bool>* stop_of_this_thread = nullptr;
int shall_stop(Client*, long, long) {
  return stop_of_this_thread != nullptr && stop_of_this_thread->load(std::memory_order_relaxed) ? 1 : 0;
}

}  // namespace

Debuginfod::~Debuginfod() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Debuginfod::ask(const std::string& build_id) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = requests_.find(build_id); known != requests_.end()) {
      if (known->second.path.empty()) return;
      news_.push_back({build_id, known->second.path});
      has_news_.store(true, std::memory_order_release);
      return;
    }
    if (requests_.size() >= kMostRequests) return;
    requests_[build_id];
    queue_.push_back(build_id);
  }
  if (!thread_.joinable()) {
    // Signals are for the thread that traces.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  wake_.notify_all();
}

std::vector<Debuginfod::Answer> Debuginfod::take_news() {
  const std::lock_guard lock(mutex_);
  has_news_.store(false, std::memory_order_relaxed);
  return std::exchange(news_, {});
}

std::string Debuginfod::state_of(const std::string& build_id) {
  const std::lock_guard lock(mutex_);
  const auto known = requests_.find(build_id);
  if (known == requests_.end()) return {};
  if (!known->second.is_done) return "debuginfod has not answered in time";
  return known->second.failure;
}

void Debuginfod::run() {
  stop_of_this_thread = &stop_;
  Library library;
  const std::string unusable = load(library);
  const auto end = [&](Client* client) { library.end(client); };
  std::unique_ptr<Client, decltype(end)> client(
      unusable.empty() && library.begin != nullptr ? library.begin() : nullptr, end);
  if (client) library.set_progress(client.get(), shall_stop);

  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    const std::string build_id = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    char* path = nullptr;
    int found = -ENOSYS;
    if (client) found = library.find(client.get(), reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, &path);
    const std::unique_ptr<char, decltype(&std::free)> owned(path, &std::free);
    if (found >= 0) ::close(found);
    lock.lock();
    Request& request = requests_[build_id];
    request.is_done = true;
    if (found >= 0 && path != nullptr) {
      request.path = path;
      news_.push_back({build_id, request.path});
      has_news_.store(true, std::memory_order_release);
    } else if (!unusable.empty()) {
      request.failure = "debuginfod cannot be asked: " + unusable;
    } else if (found == -ENOENT) {
      request.failure = "debuginfod does not have it";
    } else {
      request.failure = "debuginfod gave none: " + std::string(std::strerror(-found));
    }
  }
}

}  // namespace sightline::symbolizer
