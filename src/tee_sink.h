/// One trace, several outputs.
#pragma once

#include <cstdint>
#include <vector>

#include "src/model.h"

namespace sightline {

/// Sends everything to several sinks.
class TeeSink : public Sink {
 public:
  void add(Sink& sink) { sinks_.push_back(&sink); }
  /// Whom to tell: the only sink itself, or all of them by this one. After the last add().
  Sink& shortest() { return sinks_.size() == 1 ? *sinks_.front() : *this; }

  void trace_started(const TraceStart& e) override {
    for (Sink* s : sinks_) s->trace_started(e);
  }
  void process_started(const Process& e) override {
    for (Sink* s : sinks_) s->process_started(e);
  }
  void thread_started(const Thread& e) override {
    for (Sink* s : sinks_) s->thread_started(e);
  }
  void executed(const Thread& e, int32_t former, uint64_t time) override {
    for (Sink* s : sinks_) s->executed(e, former, time);
  }
  void call_entered(const Call& e) override {
    for (Sink* s : sinks_) s->call_entered(e);
  }
  void call_finished(const Call& e) override {
    for (Sink* s : sinks_) s->call_finished(e);
  }
  void signal_delivered(const Signal& e) override {
    for (Sink* s : sinks_) s->signal_delivered(e);
  }
  void thread_ended(const ThreadEnd& e) override {
    for (Sink* s : sinks_) s->thread_ended(e);
  }
  void lost(const Loss& e) override {
    for (Sink* s : sinks_) s->lost(e);
  }
  void trace_ended(const TraceEnd& e) override {
    for (Sink* s : sinks_) s->trace_ended(e);
  }
  void idle() override {
    for (Sink* s : sinks_) s->idle();
  }
  uint64_t output_errors() const override {
    uint64_t sum = 0;
    for (const Sink* s : sinks_) sum += s->output_errors();
    return sum;
  }

 private:
  std::vector<Sink*> sinks_;
};

}  // namespace sightline
