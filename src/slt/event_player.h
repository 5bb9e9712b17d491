/// Turns a chunk of events back into what the sinks were told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "src/model.h"
#include "src/slt/call_codec.h"
#include "src/slt/definitions.h"
#include "src/slt/events.h"

namespace sightline::slt {

/// Decodes a chunk as a whole and then plays it, because a call's beginning is only known from the record of its end.
/// As live, a Call keeps its address from call_entered to call_finished.
class EventPlayer {
 public:
  EventPlayer(Definitions& definitions, Sink& sink) : definitions_(definitions), sink_(sink) {}

  /// Plays the records of one chunk. False if they are damaged: then those before the damage have been played.
  bool play(std::span<const uint8_t> records);
  /// Ends the calls that are still open, in order of their beginning. Nothing can be played after that.
  void end_open_calls();

  uint64_t finished() const { return finished_; }
  uint64_t unfinished() const { return unfinished_; }
  uint64_t lost() const { return lost_; }
  uint64_t last_time() const { return last_time_; }  ///< of all events played

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Item {
    uint32_t call = kNone;  // index in calls_, or
    Event event;
  };
  struct Entry {
    uint32_t at;  // the call began before the item with this index
    uint32_t call;
    uint64_t sequence;  // order of those that began before the same item
  };
  struct OpenCall {
    Call call;
    std::vector<std::byte> captures;
  };

  bool decode(std::span<const uint8_t> records);
  bool decode_call_record(ByteReader payload, bool open);
  bool set_call(const CallRecord& record, Call& call) const;
  bool enter(uint32_t index);
  bool play_call(uint32_t index);
  bool play_event(const Event& event);
  void note_time(uint64_t time) { last_time_ = time > last_time_ ? time : last_time_; }

  Definitions& definitions_;
  Sink& sink_;
  std::vector<Item> items_;
  std::vector<CallRecord> calls_;
  std::vector<Call> told_;  // what the sink sees of calls_ that begin and end in this chunk
  std::vector<Entry> entries_;
  std::vector<std::byte> arena_;  // captures of calls_
  Prediction prediction_;
  std::map<uint64_t, OpenCall> open_;  // by sequence; only calls that outlive their chunk
  std::size_t open_bytes_ = 0;
  uint64_t finished_ = 0, unfinished_ = 0, lost_ = 0, last_time_ = 0;
};

}  // namespace sightline::slt
