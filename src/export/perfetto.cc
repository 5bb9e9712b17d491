#include "src/export/perfetto.h"

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <unordered_map>

#include "src/export/call_words.h"
#include "src/export/perfetto_fields.h"
#include "src/export/perfetto_interner.h"
#include "src/export/utf8.h"

namespace sightline::exporting {
namespace {

constexpr uint32_t kSequence = 1;

// Any numbers that no other producer is likely to use, and never 0.
constexpr uint64_t kProcessTracks = 0x5119'0001'0000'0000;
constexpr uint64_t kThreadTracks = 0x5119'0002'0000'0000;

std::string valid(std::string_view text) {
  std::string out;
  append_utf8(out, text);
  return out;
}

class Perfetto : public Sink {
 public:
  Perfetto(Output& output, const decode::Style& style) : output_(output), style_(style) {}

  void trace_started(const TraceStart& start) override {
    style_.string_limit = std::max(style_.string_limit, start.string_limit);
    command_ = start.command;
    latest_ = start.monotonic;
    packet_.clear();
    {
      protozero::pbf_writer packet(packet_);
      packet.add_uint32(pb::kSequenceId, kSequence);
      packet.add_uint32(pb::kSequenceFlags, pb::kStateCleared);
      packet.add_bool(pb::kFirstPacketOnSequence, true);
      {
        protozero::pbf_writer snapshot(packet, pb::kClockSnapshot);
        add_clock(snapshot, pb::kMonotonic, start.monotonic);
        add_clock(snapshot, pb::kRealtime, start.realtime);
        // Without it the importer would want to translate all times to CLOCK_BOOTTIME, which nobody has recorded.
        snapshot.add_enum(pb::kPrimaryClock, pb::kMonotonic);
      }
      protozero::pbf_writer defaults(packet, pb::kPacketDefaults);
      defaults.add_uint32(pb::kDefaultClockId, pb::kMonotonic);
    }
    write(0);
  }

  void process_started(const Process& process) override { describe(process, process.start); }

  void thread_started(const Thread& thread) override { describe(thread, thread.start); }

  void executed(const Thread& thread, int32_t, uint64_t time) override {
    describe(*thread.process, time);
    describe(thread, time);
    instant("exec " + thread.comm, "exec", thread_track(thread), time, {});
  }

  void call_entered(const Call& call) override { begin(call); }

  void call_finished(const Call& call) override {
    if (open_.find(call.sequence) == open_.end()) begin(call);  // a filter may have kept its beginning back
    OpenSlice& slice = open_.find(call.sequence)->second;
    if (!call.finished) return;  // trace_ended() closes it, or the thread's next call
    decode::decode(call, style_, decoded_);
    annotations_.clear();
    {
      protozero::pbf_writer event(annotations_);
      for (std::size_t i = slice.arguments_told; i < decoded_.arguments.size(); ++i)
        annotate(event, decoded_.arguments[i].name, decoded_.arguments[i].text);
      annotate(event, "return", decoded_.result);
      if (call.end_kind == tracer::CallEnd::returned || call.end_kind == tracer::CallEnd::restart) {
        protozero::pbf_writer annotation(event, pb::kDebugAnnotations);
        annotation.add_uint64(pb::kAnnotationNameIid, interner_.annotation_name("return_value"));
        annotation.add_int64(pb::kIntValue, call.ret);
      }
      if (const std::string error = error_name(call); !error.empty()) annotate(event, "error", error);
    }
    end(call.sequence, call.end);
  }

  void signal_delivered(const Signal& signal) override {
    instant(signal_title(signal), "signal", thread_track(*signal.thread), signal.time,
            signal.siginfo.empty() ? std::string() : decode::siginfo_text(signal.siginfo));
  }

  void thread_ended(const ThreadEnd& ended) override {
    instant(end_title(ended), "exit", thread_track(*ended.thread), ended.time, {});
  }

  void lost(const Loss& loss) override {
    instant(loss.calls != 0 ? std::to_string(loss.calls) + " calls lost" : "end of a call lost", "loss",
            loss.thread == nullptr ? 0 : thread_track(*loss.thread), loss.time, loss.reason);
  }

  void trace_ended(const TraceEnd& ended) override {
    latest_ = std::max(latest_, ended.time);
    std::vector<uint64_t> left;
    for (const auto& [sequence, slice] : open_) left.push_back(sequence);
    std::sort(left.begin(), left.end());
    for (const uint64_t sequence : left) end_unfinished(sequence, latest_);
    output_.flush();
  }

  uint64_t output_errors() const override { return output_.calls_lost(); }

 private:
  struct OpenSlice {
    uint64_t track = 0;
    uint32_t thread = 0;  // serial
    uint64_t start = 0;
    std::size_t arguments_told = 0;
  };

  static void add_clock(protozero::pbf_writer& snapshot, pb::BuiltinClock id, uint64_t time) {
    protozero::pbf_writer clock(snapshot, pb::kClocks);
    clock.add_uint32(pb::kClockId, id);
    clock.add_uint64(pb::kClockTimestamp, time);
  }

  static uint64_t process_track(const Process& process) { return kProcessTracks | process.serial; }
  static uint64_t thread_track(const Thread& thread) { return kThreadTracks | thread.serial; }

  // Appends packet_ as a packet of the trace.
  void write(uint32_t calls) {
    trace_.clear();
    protozero::pbf_writer(trace_).add_message(pb::kTracePacket, packet_);
    output_.append(trace_, calls);
  }

  void describe(const Process& process, uint64_t time) {
    packet_.clear();
    {
      protozero::pbf_writer packet(packet_);
      head(packet, time);
      protozero::pbf_writer track(packet, pb::kTrackDescriptor);
      track.add_uint64(pb::kUuid, process_track(process));
      protozero::pbf_writer descriptor(track, pb::kProcess);
      descriptor.add_int32(pb::kProcessPid, process.pid);
      if (process.serial == 1)
        for (const std::string& word : command_) descriptor.add_string(pb::kCommandLine, valid(word));
      descriptor.add_string(pb::kProcessName, valid(process.comm));
    }
    write(0);
  }

  void describe(const Thread& thread, uint64_t time) {
    packet_.clear();
    {
      protozero::pbf_writer packet(packet_);
      head(packet, time);
      protozero::pbf_writer track(packet, pb::kTrackDescriptor);
      track.add_uint64(pb::kUuid, thread_track(thread));
      track.add_uint64(pb::kParentUuid, process_track(*thread.process));
      protozero::pbf_writer descriptor(track, pb::kThread);
      descriptor.add_int32(pb::kThreadPid, thread.process->pid);
      descriptor.add_int32(pb::kThreadTid, thread.tid);
      descriptor.add_string(pb::kThreadName, valid(thread.comm));
    }
    write(0);
  }

  static void head(protozero::pbf_writer& packet, uint64_t time) {
    packet.add_uint64(pb::kTimestamp, time);
    packet.add_uint32(pb::kSequenceId, kSequence);
    packet.add_uint32(pb::kSequenceFlags, pb::kNeedsState);
  }

  void annotate(protozero::pbf_writer& event, std::string_view name, std::string_view text) {
    const uint64_t name_iid = interner_.annotation_name(name);
    protozero::pbf_writer annotation(event, pb::kDebugAnnotations);
    annotation.add_uint64(pb::kAnnotationNameIid, name_iid);
    annotation.add_string(pb::kStringValue, is_utf8(text) ? std::string(text) : valid(text));
  }

  // One packet with `event_`, a TrackEvent that gets its type and track here, and all interned data that it refers to.
  void write_event(pb::EventType type, uint64_t track, uint64_t time, uint32_t calls) {
    latest_ = std::max(latest_, time);
    {
      protozero::pbf_writer event(event_);
      event.add_enum(pb::kType, static_cast<int32_t>(type));
      event.add_uint64(pb::kTrackUuid, track);
    }
    packet_.clear();
    {
      protozero::pbf_writer packet(packet_);
      head(packet, time);
      if (!interner_.pending().empty()) packet.add_message(pb::kInternedData, interner_.pending());
      interner_.clear_pending();
      packet.add_message(pb::kTrackEvent, event_);
    }
    write(calls);
  }

  void begin(const Call& call) {
    // Two slices that overlap on a track would not nest: whatever its thread was in is over.
    if (const auto current = current_.find(call.thread->serial); current != current_.end())
      end_unfinished(current->second, call.start);
    OpenSlice slice;
    slice.track = thread_track(*call.thread);
    slice.thread = call.thread->serial;
    slice.start = call.start;
    Call entered = call;
    entered.finished = false;
    decode::decode(entered, style_, decoded_);
    slice.arguments_told = std::min<std::size_t>(decoded_.known_at_entry, decoded_.arguments.size());
    class_names(call, classes_);
    event_.clear();
    {
      protozero::pbf_writer event(event_);
      event.add_uint64(pb::kNameIid, interner_.event_name(decoded_.name));
      event.add_uint64(pb::kCategoryIids, interner_.category("syscall"));
      for (const std::string_view name : classes_) event.add_uint64(pb::kCategoryIids, interner_.category(name));
      for (std::size_t i = 0; i < slice.arguments_told; ++i)
        annotate(event, decoded_.arguments[i].name, decoded_.arguments[i].text);
      if (const std::string line = source_line(call); !line.empty()) annotate(event, "src", line);
      if (call.stack != nullptr && !call.stack->frames.empty())
        event.add_uint64(pb::kCallstackIid, interner_.callstack(call.stack_id, *call.stack));
    }
    write_event(pb::EventType::slice_begin, slice.track, call.start, 0);
    open_[call.sequence] = slice;
    current_[slice.thread] = call.sequence;
  }

  // Ends a slice with annotations_; a clock that goes backwards must not turn it over.
  void end(uint64_t sequence, uint64_t time) {
    const auto found = open_.find(sequence);
    if (found == open_.end()) return;
    event_ = annotations_;
    write_event(pb::EventType::slice_end, found->second.track, std::max(time, found->second.start), 1);
    if (const auto current = current_.find(found->second.thread);
        current != current_.end() && current->second == sequence)
      current_.erase(current);
    open_.erase(found);
  }

  void end_unfinished(uint64_t sequence, uint64_t time) {
    annotations_.clear();
    {
      protozero::pbf_writer event(annotations_);
      const uint64_t name_iid = interner_.annotation_name("unfinished");
      protozero::pbf_writer annotation(event, pb::kDebugAnnotations);
      annotation.add_uint64(pb::kAnnotationNameIid, name_iid);
      annotation.add_bool(pb::kBoolValue, true);
    }
    end(sequence, time);
  }

  void instant(std::string_view title, std::string_view category, uint64_t track, uint64_t time,
               std::string_view info) {
    event_.clear();
    {
      protozero::pbf_writer event(event_);
      event.add_uint64(pb::kNameIid, interner_.event_name(title));
      event.add_uint64(pb::kCategoryIids, interner_.category(category));
      if (!info.empty()) annotate(event, "info", info);
    }
    write_event(pb::EventType::instant, track, time, 0);
  }

  Output& output_;
  decode::Style style_;
  PerfettoInterner interner_;
  std::vector<std::string> command_;
  std::unordered_map<uint64_t, OpenSlice> open_;    // by the call's sequence number
  std::unordered_map<uint32_t, uint64_t> current_;  // thread → the call that it is in
  uint64_t latest_ = 0;
  decode::DecodedCall decoded_;
  std::vector<std::string_view> classes_;
  std::string event_, annotations_, packet_, trace_;
};

}  // namespace

std::unique_ptr<Sink> make_perfetto(Output& output, const decode::Style& style) {
  return std::make_unique<Perfetto>(output, style);
}

}  // namespace sightline::exporting
