#include "src/export/call_words.h"

namespace sightline::exporting {

std::string error_name(const Call& call) {
  if (!call.finished || !call.failed) return {};
  const int64_t number = static_cast<int64_t>(uint64_t{0} - static_cast<uint64_t>(call.ret));
  const std::string_view name = decode::errno_name(number);
  return name.empty() ? std::to_string(number) : std::string(name);
}

std::string source_line(const Call& call) {
  const symbolizer::Frame* frame = call.source();
  if (frame == nullptr || frame->file.empty()) return {};
  return std::string(frame->file) + ':' + std::to_string(frame->line);
}

std::string_view end_name(const Call& call) {
  if (!call.finished) return "open";
  switch (call.end_kind) {
    case tracer::CallEnd::returned:
      return "returned";
    case tracer::CallEnd::restart:
      return "restart";
    case tracer::CallEnd::no_value:
      return "no_value";
    case tracer::CallEnd::killed:
      return "killed";
    case tracer::CallEnd::exited:
      return "exited";
    case tracer::CallEnd::detached:
      return "detached";
    case tracer::CallEnd::replaced:
      return "replaced";
  }
  return "open";
}

std::string_view abi_name(tracer::Abi abi) {
  switch (abi) {
    case tracer::Abi::x86_64:
      return "x86_64";
    case tracer::Abi::i386:
      return "i386";
    case tracer::Abi::x32:
      return "x32";
  }
  return "";
}

void class_names(const Call& call, std::vector<std::string_view>& into) {
  struct Class {
    uint32_t bit;
    std::string_view name;
  };
  static constexpr Class kClasses[] = {
      {tracer::kClassFile, "file"},     {tracer::kClassProcess, "process"}, {tracer::kClassNetwork, "network"},
      {tracer::kClassSignal, "signal"}, {tracer::kClassIpc, "ipc"},         {tracer::kClassDesc, "desc"},
      {tracer::kClassMemory, "memory"},
  };
  into.clear();
  if (call.syscall == nullptr) return;
  for (const Class& c : kClasses)
    if ((call.syscall->classes & c.bit) != 0) into.push_back(c.name);
}

std::string signal_title(const Signal& signal) {
  const std::string name = decode::signal_name(signal.signo);
  return signal.group_stop ? "stopped by " + name : name;
}

std::string end_title(const ThreadEnd& end) {
  switch (end.kind) {
    case tracer::ThreadEndKind::exited:
      return "exited with " + std::to_string(end.status);
    case tracer::ThreadEndKind::signaled:
      return "killed by " + decode::signal_name(end.status) + (end.core_dumped ? " (core dumped)" : "");
    case tracer::ThreadEndKind::detached:
      return "detached";
    case tracer::ThreadEndKind::replaced:
      return "replaced by execve in another thread";
    case tracer::ThreadEndKind::lost:
      return "lost";
  }
  return "lost";
}

}  // namespace sightline::exporting
