// C++: calls from header code, from lambdas, templates, destructors and threads. See calls.c for the marks.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#define NOINLINE __attribute__((noinline))

namespace store {

static volatile int sink;

struct Base {
  virtual ~Base() = default;
  virtual void look(const char* name) = 0;
};
struct Derived final : Base {
  void look(const char* name) override {
    sink = open(name, O_RDONLY);  // EXPECT virtual STACK store::Derived::look main
  }
};

struct Guard {
  NOINLINE ~Guard() {
    sink = open("/matrix/unwinding", O_RDONLY);  // EXPECT unwinding STACK store::Guard::~Guard store::throws main
  }
};
NOINLINE void fails() {
  throw std::runtime_error("expected");
}
NOINLINE void throws() {
  const Guard guard;
  fails();
  sink = 1;
}

template <typename T>
NOINLINE void generic(const T& name) {
  sink = open(name.c_str(), O_RDONLY);  // EXPECT template STACK store::generic<std main
}

struct Log {
  NOINLINE explicit Log(const std::string& name) : out(name) {  // EXPECT stream STACK store::Log::Log main
    sink = 4;                                                   // or the stream's constructor would be a tail call
  }
  std::ofstream out;
};

NOINLINE void sorts() {
  std::vector<int> values = {3, 1, 2};
  bool first = true;
  std::sort(values.begin(), values.end(), [&](int a, int b) {
    if (first) sink = open("/matrix/sorted", O_RDONLY);  // EXPECT sorted STACK main
    first = false;
    return a < b;
  });
  sink = values[0];
}

NOINLINE void calls(const std::function<void()>& function) {
  function();
  sink = 2;
}

}  // namespace store

int main() {
  // First, since how much of the stack is copied at open() is learned from the calls before.
  try {
    store::throws();
  } catch (const std::runtime_error&) {
    store::sink = 3;
  }
  const std::unique_ptr<store::Base> base = std::make_unique<store::Derived>();
  base->look("/matrix/virtual");
  store::generic(std::string("/matrix/template"));
  { const store::Log log("/matrix/stream"); }
  store::sorts();
  store::calls([] {
    store::sink = open("/matrix/lambda", O_RDONLY);  // EXPECT lambda STACK store::calls main
  });
  std::thread([] {
    store::sink = open("/matrix/cxxthread", O_RDONLY);  // EXPECT cxxthread
  }).join();
}
