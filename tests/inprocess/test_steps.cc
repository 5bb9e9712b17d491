// A signal at every single instruction between a patched site's jump and its way back: the program must not be able to
// tell that the call took another way. Its registers, flags, red zone and memory are what `syscall` leaves, the call is
// made once, its records are in the ring once, and a handler finds the program's own addresses.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/inprocess/driver.h"
#include "tracer/inprocess/remote.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer::inprocess {
namespace {

using stepped::Site;

constexpr uint64_t kRedZone = 128;
constexpr uint64_t kBytes = 4;      // that a call writes or reads
constexpr uint64_t kFlags = 0xcd5;  // CF PF AF ZF SF DF OF
constexpr const char* kNames[] = {"move_write", "move_read", "move_nanosleep", "move_r8",
                                  "compare",    "small",     "relative",       "padded"};

/// All that a call must leave alone.
struct Everything {
  user_regs_struct general;
  user_fpregs_struct vector;
  std::array<std::byte, kRedZone> zone;
};

Everything look(const Driver& driver) {
  Everything all{};
  all.general = driver.registers();
  all.vector = driver.vectors();
  read_memory(driver.pid(), all.general.rsp - kRedZone, all.zone);
  return all;
}

uint64_t flags_of_compare(uint64_t value) {
  uint64_t flags = 0;
  asm("cmp $-4095, %1\n pushfq\n pop %0" : "=r"(flags) : "r"(value) : "cc");
  return flags;
}

/// A pipe that the traced program has, too.
class Pipe {
 public:
  Pipe() { REQUIRE(pipe2(ends_, O_NONBLOCK) == 0); }
  ~Pipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  uint64_t reader() const { return static_cast<uint64_t>(ends_[0]); }
  uint64_t writer() const { return static_cast<uint64_t>(ends_[1]); }
  void may_wait() const { fcntl(ends_[0], F_SETFL, 0); }
  void fill() const { CHECK(write(ends_[1], "data", kBytes) == static_cast<ssize_t>(kBytes)); }
  int held() const {
    int n = 0;
    ioctl(ends_[0], FIONREAD, &n);
    return n;
  }
  void empty() const {
    char bytes[64];
    while (held() > 0 && read(ends_[0], bytes, sizeof bytes) > 0) {
    }
  }

 private:
  int ends_[2];
};

struct Call {
  Site site;
  int64_t nr;
  uint64_t args[3];
  int64_t ret;
};

/// One call of the program's, and what is to be seen of it.
class Passage {
 public:
  Passage(Driver& driver, const Call& call) : driver_(driver), call_(call), place_(driver.state().sites[call.site]) {}

  /// The thread is at the site, with something of its own in each register.
  void begin() {
    stepped::State state = driver_.state();
    state.handled = {};
    driver_.set_state(state);
    user_regs_struct r = driver_.registers();
    r.r15 = 0x1515'1515'1515'1515;
    r.r14 = 0x1414'1414'1414'1414;
    r.r13 = 0x1313'1313'1313'1313;
    r.r12 = 0x1212'1212'1212'1212;
    r.rbp = 0xb9b9'b9b9'b9b9'b9b9;
    r.rbx = 0xbbbb'bbbb'bbbb'bbbb;
    r.r8 = 0x0808'0808'0808'0808;
    r.r9 = 0x0909'0909'0909'0909;
    r.r10 = 0x1010'1010'1010'1010;
    r.rax = static_cast<uint64_t>(call_.nr);
    r.orig_rax = ~uint64_t{0};
    r.rdi = call_.args[0];
    r.rsi = call_.args[1];
    r.rdx = call_.args[2];
    r.eflags |= kFlags;
    r.rip = place_.start;
    driver_.set_registers(r);
    before_ = look(driver_);
    std::memset(before_.vector.xmm_space, 0x77, sizeof before_.vector.xmm_space);
    driver_.set_vectors(before_.vector);
    for (std::size_t i = 0; i < before_.zone.size(); ++i) before_.zone[i] = static_cast<std::byte>(i ^ 0xa5);
    write_memory(driver_.pid(), r.rsp - kRedZone, before_.zone);
    driver_.take_records();
  }

  bool finish() { return driver_.run_to(place_.end); }

  /// `handled`: so many signals came to a handler. What is wrong; "" if nothing is.
  std::string check(uint64_t handled) {
    const Everything now = look(driver_);
    user_regs_struct expected = before_.general;
    const user_regs_struct& r = now.general;
    expected.rax = static_cast<uint64_t>(call_.ret);
    if (call_.site == stepped::small) expected.rbx = expected.rax;
    if (call_.site == stepped::relative) expected.rbx = driver_.state().relative_word;
    if (call_.site == stepped::move_r8) expected.r8 = 1;
    if (call_.site == stepped::compare || call_.site == stepped::move_r8) {
      constexpr uint64_t kCompared = kFlags & ~uint64_t{0x400};
      expected.eflags = (expected.eflags & ~kCompared) | (flags_of_compare(expected.rax) & kCompared);
    }
    std::string wrong;
    const auto same = [&](const char* what, uint64_t is, uint64_t should_be) {
      if (is != should_be)
        wrong += std::string(what) + " is " + std::to_string(is) + ", not " + std::to_string(should_be) + "; ";
    };
    same("r15", r.r15, expected.r15);
    same("r14", r.r14, expected.r14);
    same("r13", r.r13, expected.r13);
    same("r12", r.r12, expected.r12);
    same("rbp", r.rbp, expected.rbp);
    same("rbx", r.rbx, expected.rbx);
    same("r10", r.r10, expected.r10);
    same("r9", r.r9, expected.r9);
    same("r8", r.r8, expected.r8);
    same("rax", r.rax, expected.rax);
    same("rdx", r.rdx, expected.rdx);
    same("rsi", r.rsi, expected.rsi);
    same("rdi", r.rdi, expected.rdi);
    same("rsp", r.rsp, expected.rsp);
    same("rip", r.rip, place_.end + 1);
    same("rcx", r.rcx, place_.behind);
    same("r11's flags", r.r11 & kFlags, before_.general.eflags & kFlags);
    same("flags", r.eflags & kFlags, expected.eflags & kFlags);
    same("fs", r.fs_base, expected.fs_base);
    same("gs", r.gs_base, expected.gs_base);
    same("vectors", std::memcmp(now.vector.xmm_space, before_.vector.xmm_space, sizeof now.vector.xmm_space) == 0,
         true);
    same("red zone", now.zone == before_.zone, true);
    const stepped::State state = driver_.state();
    same("handlers run", state.handled.count, handled);
    if (handled != 0) {
      same("handler's sp", state.handled.rsp, expected.rsp);
      if (state.handled.rip < place_.start || state.handled.rip > place_.end)
        wrong += "the handler has seen " + std::to_string(state.handled.rip) + "; ";
    }
    return wrong + check_records();
  }

 private:
  /// A call that a signal has kept from beginning, or thrown out, begins again; only one is answered.
  std::string check_records() {
    const Seen seen = driver_.take_records();
    std::string wrong;
    if (seen.damaged) wrong += "the ring is damaged; ";
    std::size_t answered = 0;
    for (const Seen::Exit& exit : seen.exits) {
      if (exit.nr == SYS_rt_sigreturn || arch::is_restart(exit.ret)) continue;
      ++answered;
      if (exit.ret != call_.ret) wrong += "recorded as " + std::to_string(exit.ret) + "; ";
    }
    // A handler that makes an interrupted call fail does so behind the kernel's own answer.
    if (answered != (call_.ret == -EINTR ? 0 : 1)) wrong += std::to_string(answered) + " exits; ";
    if (seen.entries.size() != seen.exits.size())
      wrong += std::to_string(seen.entries.size()) + " entries for " + std::to_string(seen.exits.size()) + " exits; ";
    for (const Seen::Entry& entry : seen.entries) {
      if (entry.nr == SYS_rt_sigreturn) continue;
      if (entry.nr != call_.nr && entry.nr != SYS_restart_syscall)
        wrong += "entry of " + std::to_string(entry.nr) + "; ";
      if (entry.ip != place_.behind) wrong += "recorded at " + std::to_string(entry.ip) + "; ";
      if (entry.sp != before_.general.rsp) wrong += "with another stack; ";
      const Syscall* call = find_syscall(Abi::x86_64, entry.nr);
      if (entry.arg_count != (call != nullptr ? call->arguments.size() : 6)) wrong += "with too few arguments; ";
      if (!std::equal(std::begin(call_.args), std::begin(call_.args) + entry.arg_count, entry.args))
        wrong += "with other arguments; ";
    }
    return wrong;
  }

  Driver& driver_;
  Call call_;
  stepped::Place place_;
  Everything before_{};
};

/// A started program and a call of it. Not there where the engine can't be used.
struct Scene {
  Pipe pipe;
  std::unique_ptr<Driver> driver;
  Call call{};
  stepped::Place place{};

  enum What { writing, reading, bad_pointer, sleeping };

  Scene(Site site, What what) {
    std::string why;
    driver = Driver::create(why);
    if (driver == nullptr) {
      MESSAGE("the engine can't be used here: " << why);
      return;
    }
    start(site, what);
    if (driver->can_watch()) return;
    MESSAGE("no debug registers here");
    driver = nullptr;
  }

  void start(Site site, What what) {
    REQUIRE(driver->start(STEPPED));
    const uint64_t state = driver->state_address();
    const uint64_t buffer = state + offsetof(stepped::State, buffer);
    if (what == writing) call = {site, SYS_write, {pipe.writer(), buffer, kBytes}, kBytes};
    if (what == reading) call = {site, SYS_read, {pipe.reader(), buffer, kBytes}, kBytes};
    if (what == bad_pointer) call = {site, SYS_write, {pipe.writer(), 8, kBytes}, -EFAULT};
    if (what == sleeping) call = {site, SYS_nanosleep, {state + offsetof(stepped::State, sleep), 0, 0}, -EINTR};
    place = driver->state().sites[site];
  }

  /// For the next passage.
  void prepare() const {
    pipe.empty();
    if (call.nr == SYS_read) pipe.fill();
  }
  /// What the call has done, once.
  void check_done() const {
    CHECK(pipe.held() == (call.nr == SYS_write && call.ret > 0 ? static_cast<int>(kBytes) : 0));
  }

  /// Twice by a trap; then the site is patched.
  void patch() {
    Passage passage(*driver, call);
    for (int i = 0; i < 3; ++i) {
      prepare();
      passage.begin();
      REQUIRE(passage.finish());
      CHECK(passage.check(0) == "");
      check_done();
    }
  }
  /// One instruction, and past a fault of the stub's own. False at the end of the passage.
  bool step() const {
    if (!driver->step()) {
      user_regs_struct r = driver->registers();
      const StubHeader& stub = driver->stub();
      REQUIRE(r.rip >= stub.copy_few);
      REQUIRE(r.rip <= stub.copy);
      r.rip = r.rip == stub.copy ? stub.copied : stub.copy;
      driver->set_registers(r);
    }
    return driver->registers().rip != place.end + 1;
  }

  /// What is executed, from the site's first instruction to the last before its breakpoint: each the first time and the
  /// second.
  struct Moment {
    uint64_t rip;
    unsigned visit;
    bool after_stop;
  };
  std::vector<Moment> moments() const {
    std::vector<Moment> found;
    std::map<uint64_t, unsigned> seen;
    // After a stop of the engine's some things are looked up anew.
    for (const bool after_stop : {false, true}) {
      Passage passage(*driver, call);
      pass(after_stop);
      prepare();
      passage.begin();
      std::map<uint64_t, unsigned> visits;
      uint64_t last = 0;
      bool in_stub = false;
      for (;;) {
        const uint64_t rip = driver->registers().rip;
        in_stub = in_stub || in_code(rip);
        // The rounds of a string instruction are steps, too, but its breakpoint comes once.
        if (rip != last && ++visits[rip] <= 2 && visits[rip] > seen[rip]) {
          seen[rip] = visits[rip];
          found.push_back({rip, visits[rip], after_stop});
        }
        last = rip;
        if (!step()) break;
      }
      CHECK(in_stub);
      CHECK(passage.check(0) == "");
      check_done();
    }
    return found;
  }
  /// An undisturbed passage, or one with a stop in it.
  void pass(bool with_stop) const {
    Passage passage(*driver, call);
    prepare();
    passage.begin();
    if (with_stop) driver->send(SIGURG);
    REQUIRE(passage.finish());
    CHECK(passage.check(0) == "");
  }
};

void signal_everywhere(Site site, Scene::What what, std::initializer_list<int> signals) {
  INFO(std::string(kNames[site]));
  Scene scene(site, what);
  if (scene.driver == nullptr) return;
  scene.patch();
  const std::vector<Scene::Moment> moments = scene.moments();
  Passage passage(*scene.driver, scene.call);
  for (const int signo : signals) {
    const bool has_handler = signo == SIGUSR1 || signo == SIGUSR2;
    std::size_t missed = 0;
    for (const Scene::Moment& moment : moments) {
      INFO("signal ", signo, " before ", moment.rip);
      scene.pass(moment.after_stop);
      scene.prepare();
      passage.begin();
      const bool there = scene.driver->run_before(moment.rip, moment.visit, scene.place.end);
      if (there) {
        scene.driver->send(signo);
        REQUIRE(passage.finish());
      }
      missed += there ? 0 : 1;
      CHECK(passage.check(there && has_handler ? 1 : 0) == "");
      scene.check_done();
    }
    // Where a ring begins again comes when it comes.
    CHECK(missed * 20 < moments.size());
  }
}

// The call's number is not in their code.
constexpr Site kAny[] = {stepped::move_r8, stepped::compare, stepped::small, stepped::relative, stepped::padded};

}  // namespace

TEST_CASE("a signal with a handler, at each instruction") {
  signal_everywhere(stepped::move_write, Scene::writing, {SIGUSR1, SIGUSR2});
  signal_everywhere(stepped::move_read, Scene::reading, {SIGUSR1});
  for (const Site site : kAny) signal_everywhere(site, Scene::writing, {SIGUSR1});
}

TEST_CASE("a signal that is ignored, and a stop, at each instruction") {
  signal_everywhere(stepped::move_write, Scene::writing, {SIGURG, SIGSTOP});
  signal_everywhere(stepped::compare, Scene::reading, {SIGURG, SIGSTOP});
  signal_everywhere(stepped::padded, Scene::writing, {SIGURG});
}

TEST_CASE("a signal at each instruction of a call with a bad pointer") {
  signal_everywhere(stepped::move_write, Scene::bad_pointer, {SIGUSR1});
  signal_everywhere(stepped::padded, Scene::bad_pointer, {SIGURG});
}

TEST_CASE("a call that waits is thrown out: with SA_RESTART it goes on, without it doesn't") {
  for (const Site site : {stepped::move_read, stepped::compare, stepped::small, stepped::relative, stepped::padded}) {
    INFO(std::string(kNames[site]));
    Scene scene(site, Scene::reading);
    if (scene.driver == nullptr) return;
    scene.patch();
    scene.pipe.may_wait();
    for (const int signo : {SIGUSR1, SIGUSR2, SIGURG, SIGSTOP}) {
      CAPTURE(signo);
      const bool thrown_out = signo == SIGUSR2;
      Call call = scene.call;
      if (thrown_out) call.ret = -EINTR;
      Passage passage(*scene.driver, call);
      scene.pipe.empty();
      passage.begin();
      scene.driver->run_to_sleep();
      scene.driver->send(signo);
      if (!thrown_out) {
        scene.driver->handle_next();
        scene.driver->wait_for_sleep();
        scene.pipe.fill();
      }
      REQUIRE(scene.driver->wait_for(scene.place.end));
      CHECK(passage.check(signo == SIGUSR1 || signo == SIGUSR2 ? 1 : 0) == "");
    }
  }
}

TEST_CASE("a sleep goes on as restart_syscall, and ends with a handler") {
  for (const Site site : {stepped::move_nanosleep, stepped::compare, stepped::small, stepped::padded}) {
    INFO(std::string(kNames[site]));
    Scene scene(site, Scene::sleeping);
    if (scene.driver == nullptr) return;
    stepped::State state = scene.driver->state();
    state.sleep[0] = 100'000;
    scene.driver->set_state(state);
    Passage passage(*scene.driver, scene.call);
    for (int i = 0; i < 5; ++i) {
      passage.begin();
      scene.driver->run_to_sleep();
      for (const int signo : {SIGURG, SIGSTOP, SIGURG}) {
        scene.driver->send(signo);
        scene.driver->handle_next();
        scene.driver->wait_for_sleep();
      }
      scene.driver->send(SIGUSR1);
      REQUIRE(scene.driver->wait_for(scene.place.end));
      CHECK(passage.check(1) == "");
    }
  }
}

TEST_CASE("a thread is killed at each instruction: its ring stays readable") {
  for (const Site site : {stepped::compare, stepped::move_write, stepped::padded}) {
    INFO(std::string(kNames[site]));
    Scene scene(site, Scene::writing);
    if (scene.driver == nullptr) return;
    scene.patch();
    for (const Scene::Moment& moment : scene.moments()) {
      // What is in the stub is the same for all sites.
      if (moment.after_stop || moment.visit > 1 || (site != stepped::compare && in_code(moment.rip))) continue;
      INFO("killed before ", moment.rip);
      scene.start(site, Scene::writing);
      scene.patch();
      scene.prepare();
      Passage passage(*scene.driver, scene.call);
      passage.begin();
      if (!scene.driver->run_before(moment.rip, moment.visit, scene.place.end)) continue;
      scene.driver->send(SIGKILL);
      REQUIRE(!passage.finish());
      const Seen seen = scene.driver->take_records();
      CHECK(!seen.damaged);
      CHECK(seen.ends == 1);
      CHECK(seen.entries.size() <= 1);
      CHECK(seen.exits.size() <= seen.entries.size());
      // A call that has not begun is none that is lost.
      CHECK(seen.counted == seen.last);
      // What was done is in the trace.
      if (scene.pipe.held() != 0) CHECK(seen.entries.size() == 1);
    }
  }
}

}  // namespace sightline::tracer::inprocess
