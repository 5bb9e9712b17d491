#include "src/costs.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "src/decode/decode.h"

namespace sightline {
namespace {

// By their manual pages, RETURN VALUE. Sorted: searched by bisection.
constexpr std::string_view kTransfers[] = {
    "copy_file_range",
    "mq_timedreceive",
    "mq_timedreceive_time64",
    "msgrcv",
    "pread64",
    "preadv",
    "preadv2",
    "process_vm_readv",
    "process_vm_writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readv",
    "recv",
    "recvfrom",
    "recvmsg",
    "send",
    "sendfile",
    "sendfile64",
    "sendmsg",
    "sendto",
    "splice",
    "tee",
    "vmsplice",
    "write",
    "writev",
};
static_assert(std::is_sorted(std::begin(kTransfers), std::end(kTransfers)));

bool is_transfer(std::string_view name) {
  return std::binary_search(std::begin(kTransfers), std::end(kTransfers), name);
}

uint64_t sum(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? std::numeric_limits<uint64_t>::max() : result;
}

}  // namespace

uint64_t bytes_moved(const Call& call) {
  if (!call.finished || call.failed || call.ret <= 0 || call.syscall == nullptr) return 0;
  if (call.end_kind != tracer::CallEnd::returned) return 0;
  const std::string_view name = call.syscall->name;
  if (call.abi == tracer::Abi::i386 && (name == "socketcall" || name == "ipc")) {
    // Which call it stands for, its arguments say.
    decode::DecodedCall decoded;
    decode::decode(call, {}, decoded);
    return is_transfer(decoded.name) ? static_cast<uint64_t>(call.ret) : 0;
  }
  return is_transfer(name) ? static_cast<uint64_t>(call.ret) : 0;
}

void Costs::add(const Call& call) {
  add({.calls = 1,
       .errors = call.failed ? 1u : 0u,
       .nanoseconds = call.end > call.start ? call.end - call.start : 0,
       .bytes = bytes_moved(call)});
}

void Costs::add(const Costs& other) {
  calls = sum(calls, other.calls);
  errors = sum(errors, other.errors);
  nanoseconds = sum(nanoseconds, other.nanoseconds);
  bytes = sum(bytes, other.bytes);
}

uint64_t sort_key(const Costs& costs, SortBy by) {
  switch (by) {
    case SortBy::time:
      return costs.nanoseconds;
    case SortBy::calls:
      return costs.calls;
    case SortBy::errors:
      return costs.errors;
    case SortBy::bytes:
      return costs.bytes;
  }
  return 0;
}

}  // namespace sightline
