#include "src/summary_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace sightline {
namespace {

constexpr std::size_t kAbis = 3;
constexpr int32_t kLargestNumber = 4096;  // beyond, numbers are the program's own invention: one row for all

std::string name_of(const Call& call) {
  std::string name =
      call.syscall != nullptr ? std::string(call.syscall->name) : "syscall_" + fmt::format("{:#x}", call.nr);
  if (call.abi == tracer::Abi::i386) name += " (i386)";
  if (call.abi == tracer::Abi::x32) name += " (x32)";
  return name;
}

}  // namespace

SummarySink::Row& SummarySink::row(const Call& call) {
  if (index_.empty()) index_.resize(kAbis);
  auto& numbers = index_[static_cast<std::size_t>(call.abi) % kAbis];
  const std::size_t i = call.nr >= 0 && call.nr < kLargestNumber ? static_cast<std::size_t>(call.nr) : kLargestNumber;
  if (i >= numbers.size()) numbers.resize(i + 1);
  if (numbers[i] == 0) {
    rows_.push_back({.name = name_of(call)});
    numbers[i] = static_cast<uint32_t>(rows_.size());
  }
  return rows_[numbers[i] - 1];
}

void SummarySink::call_finished(const Call& call) {
  if (!call.finished) return;
  Row& r = row(call);
  ++r.calls;
  if (call.failed) ++r.errors;
  if (call.end > call.start) r.nanoseconds += call.end - call.start;
}

void SummarySink::trace_ended(const TraceEnd& end) {
  std::stable_sort(rows_.begin(), rows_.end(),
                   [](const Row& a, const Row& b) { return a.nanoseconds > b.nanoseconds; });
  Row total{.name = "total"};
  for (const Row& r : rows_) {
    total.calls += r.calls;
    total.errors += r.errors;
    total.nanoseconds += r.nanoseconds;
  }
  std::string text = "% time     seconds  usecs/call     calls    errors syscall\n";
  const std::string rule = "------ ----------- ----------- --------- --------- ----------------\n";
  const auto append = [&](const Row& r) {
    const double share = total.nanoseconds != 0
                             ? 100.0 * static_cast<double>(r.nanoseconds) / static_cast<double>(total.nanoseconds)
                             : 0;
    fmt::format_to(std::back_inserter(text), "{:6.2f} {:11.6f} {:11} {:9} {:>9} {}\n", share,
                   static_cast<double>(r.nanoseconds) / 1e9, r.calls != 0 ? r.nanoseconds / r.calls / 1000 : 0, r.calls,
                   r.errors != 0 ? std::to_string(r.errors) : std::string(), r.name);
  };
  text += rule;
  for (const Row& r : rows_) append(r);
  text += rule;
  append(total);
  if (end.dropped != 0)
    fmt::format_to(std::back_inserter(text), "{} calls were lost and are not counted\n", end.dropped);
  out_.append(text);
  out_.flush();
}

}  // namespace sightline
