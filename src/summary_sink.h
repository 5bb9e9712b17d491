/// The table of -c: calls, errors and time per system call.
///
/// Time is what passed between a call's entry and its exit, as seen by the tracer (strace's -w), not processor time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/model.h"
#include "src/output.h"

namespace sightline {

class SummarySink : public Sink {
 public:
  explicit SummarySink(Output& out) : out_(out) {}

  void call_finished(const Call& call) override;
  void trace_ended(const TraceEnd& end) override;
  uint64_t output_errors() const override { return out_.error() != 0 ? 1 : 0; }

 private:
  struct Row {
    std::string name;
    uint64_t calls = 0;
    uint64_t errors = 0;
    uint64_t nanoseconds = 0;
  };
  Row& row(const Call& call);

  Output& out_;
  std::vector<Row> rows_;
  std::vector<std::vector<uint32_t>> index_;  ///< [abi][number] → 1 + row
};

}  // namespace sightline
