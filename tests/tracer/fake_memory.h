/// A traced program's memory for tests: pages that exist and pages that don't.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "tracer/capture.h"

namespace sightline::tracer {

class FakeMemory : public MemoryReader {
 public:
  static constexpr uint64_t kPage = 4096;

  /// Makes the pages of [address, address + size) exist, filled with zeros.
  void map(uint64_t address, uint64_t size) {
    for (uint64_t page = address / kPage; page <= (address + size - 1) / kPage; ++page) {
      pages_.try_emplace(page, kPage);
    }
  }

  /// Stores bytes, making their pages exist.
  void store(uint64_t address, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    map(address, bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      pages_[(address + i) / kPage][(address + i) % kPage] = bytes[i];
    }
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void store(uint64_t address, const T& value) { store(address, std::as_bytes(std::span(&value, 1))); }
  void store_text(uint64_t address, std::string_view text) { store(address, std::as_bytes(std::span(text))); }

  std::size_t read(uint64_t address, std::span<std::byte> into) override {
    ++reads;
    std::size_t done = 0;
    while (done < into.size()) {
      const uint64_t at = address + done;
      if (at < address) break;  // past the end of the address space
      const auto page = pages_.find(at / kPage);
      if (page == pages_.end()) break;
      const std::size_t chunk = std::min<std::size_t>(into.size() - done, kPage - at % kPage);
      std::memcpy(into.data() + done, page->second.data() + at % kPage, chunk);
      done += chunk;
    }
    return done;
  }

  int reads = 0;

 private:
  std::map<uint64_t, std::vector<std::byte>> pages_;
};

}  // namespace sightline::tracer
