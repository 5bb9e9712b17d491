#include "tracer/capture_writer.h"

namespace sightline::tracer {

std::span<const std::byte> CaptureWriter::commit(const Capture& header) {
  std::byte* at = out_.data() + used_;
  std::memcpy(at, &header, sizeof header);
  std::byte* payload = at + sizeof header;
  std::memset(payload + header.length, 0, padded(header.length) - header.length);
  used_ += static_cast<uint32_t>(sizeof header + padded(header.length));
  ++count_;
  return {payload, header.length};
}

std::size_t CaptureWriter::fetch(uint64_t address, std::span<std::byte> into) {
  if (!expects_more_ || into.size() > kBlock) return memory_.read(address, into);
  if (address - window_address_ > window_size_ || window_size_ - (address - window_address_) < into.size()) {
    // Never beyond the page: it is readable as a whole or not at all, so the surroundings add no fault.
    const uint64_t first = address / kBlock * kBlock;
    const uint64_t last = address + into.size() - 1;
    if (last < address || first / kPage != last / kPage) return memory_.read(address, into);
    window_address_ = first;
    window_size_ = memory_.read(first, std::span(window_).first((last / kBlock + 1) * kBlock - first));
    if (window_size_ <= address - first) return 0;
  }
  const uint64_t offset = address - window_address_;
  const std::size_t got = std::min<std::size_t>(into.size(), window_size_ - offset);
  std::memcpy(into.data(), window_.data() + offset, got);
  return got;
}

std::span<const std::byte> CaptureWriter::bytes(uint8_t arg, uint64_t address, uint64_t wanted, uint64_t keep) {
  address = reachable(address);
  if (wanted == 0 || !begin(address)) return {};
  const uint64_t copy = std::min(wanted, keep);
  const uint64_t fits = std::min(copy, room());
  const std::size_t got = fits == 0 ? 0 : fetch(address, out_.subspan(used_ + sizeof(Capture), fits));
  Capture header;
  header.address = address;
  header.wanted = static_cast<uint32_t>(std::min<uint64_t>(wanted, UINT32_MAX));
  header.length = static_cast<uint32_t>(got);
  header.arg = arg;
  header.phase = phase_;
  if (fits < wanted) header.flags |= kCaptureTruncated;
  if (got < fits) header.flags |= kCaptureFault;
  const std::span<const std::byte> copied = commit(header);
  if (fits < copy) full_ = true;
  return copied;
}

void CaptureWriter::string(uint8_t arg, uint64_t address, uint32_t keep, uint32_t look) {
  address = reachable(address);
  if (!begin(address)) return;
  // Most strings are short, and a read must not cross into a page that may be missing.
  constexpr uint64_t kFirstRead = 256;
  const std::span<std::byte> into = out_.subspan(used_ + sizeof(Capture), std::min<uint64_t>(look, room()));
  uint64_t have = 0;
  uint64_t end = 0;
  bool ended = false;
  bool fault = false;
  while (!ended && !fault && have < into.size()) {
    const uint64_t to_page_end = kPage - (address + have) % kPage;
    const uint64_t chunk = std::min({into.size() - have, to_page_end, have == 0 ? kFirstRead : kPage});
    const std::size_t got = fetch(address + have, into.subspan(have, chunk));
    fault = got < chunk;
    const auto* nul = got == 0 ? nullptr : static_cast<std::byte*>(std::memchr(into.data() + have, 0, got));
    ended = nul != nullptr;
    end = ended ? static_cast<uint64_t>(nul - into.data()) : have + got;
    have += got;
  }
  Capture header;
  header.address = address;
  header.length = static_cast<uint32_t>(std::min<uint64_t>(end, keep));
  header.arg = arg;
  header.phase = phase_;
  header.kind = CaptureKind::string;
  if (!ended) header.flags |= fault ? kCaptureFault : kCaptureTruncated;
  const bool cut = !ended && !fault && into.size() < look;
  commit(header);
  if (cut) full_ = true;
}

std::span<const std::byte> CaptureWriter::pointers(uint8_t arg, uint64_t address) {
  address = reachable(address);
  if (!begin(address)) return {};
  constexpr uint64_t kFirstRead = 256;
  const uint64_t most = product(limits_.array_limit, layout_.word);
  const uint64_t fits = std::min(most, room()) / layout_.word * layout_.word;
  const std::span<std::byte> into = out_.subspan(used_ + sizeof(Capture), fits);
  uint64_t have = 0;
  uint64_t checked = 0;
  bool ended = false;
  bool fault = false;
  while (!ended && !fault && have < into.size()) {
    const uint64_t to_page_end = kPage - (address + have) % kPage;
    const uint64_t chunk = std::min({into.size() - have, to_page_end, have == 0 ? kFirstRead : kPage});
    const std::size_t got = fetch(address + have, into.subspan(have, chunk));
    fault = got < chunk;
    have += got;
    while (!ended && have - checked >= layout_.word) {
      ended = word_at(into, checked, layout_.word) == 0;
      checked += layout_.word;
    }
  }
  Capture header;
  header.address = address;
  header.length = static_cast<uint32_t>(checked);
  header.wanted = ended ? header.length : 0;
  header.arg = arg;
  header.phase = phase_;
  if (!ended) header.flags |= fault ? kCaptureFault : kCaptureTruncated;
  const bool cut = !ended && !fault && fits < most;
  const std::span<const std::byte> copied = commit(header);
  if (cut) full_ = true;
  return copied;
}

}  // namespace sightline::tracer
