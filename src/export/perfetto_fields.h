/// Field numbers of Perfetto's protos, as in its source tree under protos/perfetto/trace/ (each message's file is
/// named); tests/src/export/perfetto_subset.proto holds the same for protoc.
#pragma once

#include <cstdint>

namespace sightline::exporting::pb {

enum Trace : uint32_t { kTracePacket = 1 };

enum TracePacket : uint32_t {  // trace_packet.proto
  kClockSnapshot = 6,
  kTimestamp = 8,
  kSequenceId = 10,
  kTrackEvent = 11,
  kInternedData = 12,
  kSequenceFlags = 13,
  kPacketDefaults = 59,
  kTrackDescriptor = 60,
  kFirstPacketOnSequence = 87,
};
enum SequenceFlags : uint32_t { kStateCleared = 1, kNeedsState = 2 };

enum ClockSnapshot : uint32_t { kClocks = 1, kPrimaryClock = 2 };  // clock_snapshot.proto
enum Clock : uint32_t { kClockId = 1, kClockTimestamp = 2 };
enum BuiltinClock : uint32_t { kRealtime = 1, kMonotonic = 3 };

enum PacketDefaults : uint32_t { kDefaultClockId = 58 };  // trace_packet_defaults.proto

enum TrackDescriptor : uint32_t { kUuid = 1, kProcess = 3, kThread = 4, kParentUuid = 5 };  // track_descriptor.proto
enum ProcessDescriptor : uint32_t { kProcessPid = 1, kCommandLine = 2, kProcessName = 6 };  // process_descriptor.proto
enum ThreadDescriptor : uint32_t { kThreadPid = 1, kThreadTid = 2, kThreadName = 5 };       // thread_descriptor.proto

enum TrackEvent : uint32_t {  // track_event/track_event.proto
  kCategoryIids = 3,
  kDebugAnnotations = 4,
  kType = 9,
  kNameIid = 10,
  kTrackUuid = 11,
  kCallstackIid = 56,
};
enum class EventType : int32_t { slice_begin = 1, slice_end = 2, instant = 3 };

enum DebugAnnotation : uint32_t {  // track_event/debug_annotation.proto
  kAnnotationNameIid = 1,
  kBoolValue = 2,
  kUintValue = 3,
  kIntValue = 4,
  kStringValue = 6,
};

enum InternedData : uint32_t {  // interned_data/interned_data.proto
  kEventCategories = 1,
  kEventNames = 2,
  kAnnotationNames = 3,
  kFunctionNames = 5,
  kFrames = 6,
  kCallstacks = 7,
  kMappingPaths = 17,
  kSourcePaths = 18,
  kMappings = 19,
};
enum Interned : uint32_t { kIid = 1, kText = 2 };  // EventCategory, EventName, DebugAnnotationName, InternedString

// profiling/profile_common.proto
enum Mapping : uint32_t { kMappingPathIds = 7 };
enum Frame : uint32_t { kFunctionNameId = 2, kMappingId = 3, kRelPc = 4, kSourcePathIid = 5, kLineNumber = 6 };
enum Callstack : uint32_t { kFrameIds = 2 };

}  // namespace sightline::exporting::pb
