/// Debug information from debuginfod servers (debuginfod(8)), fetched in the background.
///
/// Only made where the user has asked for it: a server learns which programs are traced. The client library is loaded
/// when needed, so that Sightline does not depend on it; servers, cache and time limits are those of its environment
/// variables (debuginfod-find(1)).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sightline::symbolizer {

/// For one thread, but for the one it has of its own, which takes no signals.
class Debuginfod {
 public:
  Debuginfod() = default;
  /// Gives up what is under way: the client library looks at least once a second whether it shall.
  ~Debuginfod();
  Debuginfod(const Debuginfod&) = delete;
  Debuginfod& operator=(const Debuginfod&) = delete;

  /// Asks for the debug information of a build-id (hexadecimal). Never waits. What was answered before is news again.
  void ask(const std::string& build_id);

  bool has_news() const { return has_news_.load(std::memory_order_acquire); }

  struct Answer {
    std::string build_id;
    std::string path;  ///< of a file in the client's cache
  };
  /// What has been found since the last call.
  std::vector<Answer> take_news();

  /// What became of a request, one clause: "" if it was never made.
  std::string state_of(const std::string& build_id);

 private:
  struct Request {
    bool is_done = false;
    std::string path;
    std::string failure;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Request> requests_;  // by build-id
  std::deque<std::string> queue_;
  std::vector<Answer> news_;
  std::atomic<bool> has_news_ = false;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace sightline::symbolizer
