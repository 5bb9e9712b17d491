// A map that a just-in-time compiler keeps for perf, written by anyone: in two pieces, asked in between.
#include <unistd.h>

#include <string_view>

#include "symbolizer/jit_map.h"
#include "tests/fuzz/memory_file.h"

using namespace sightline::symbolizer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const sightline::fuzz::MemoryFile file(data, size / 2);
  JitMap map({"/nowhere", file.path()});
  uint64_t pc = 0;
  for (std::size_t i = 0; i < size && i < 200; ++i) {
    if (i == 100 && write(file.fd(), data + size / 2, size - size / 2) < 0) return 0;
    pc = pc << 4 | (data[i] & 15);
    if (const JitMap::Piece* piece = map.find(pc & 0xffffff)) {
      sightline::fuzz::require(piece->start <= (pc & 0xffffff) && (pc & 0xffffff) < piece->end);
      for (const char c : piece->name) sightline::fuzz::require(static_cast<unsigned char>(c) >= ' ');
    }
  }
  const JitName name = parse_jit_name({reinterpret_cast<const char*>(data), size});
  sightline::fuzz::require(name.function.size() <= size && name.file.size() <= size);
  return 0;
}
