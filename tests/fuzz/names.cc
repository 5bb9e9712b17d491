// Mangled names.
#include <string_view>

#include "symbolizer/demangle.h"
#include "symbolizer/source_frame.h"
#include "tests/fuzz/memory_file.h"

using namespace sightline::symbolizer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  // The symbol table's strings end at a NUL.
  std::string_view name(reinterpret_cast<const char*>(data), size);
  name = name.substr(0, name.find('\0'));
  sightline::fuzz::require(readable_function(name).size() <= 1'000'000 + name.size());
  sightline::fuzz::require(without_parameters(name).size() <= name.size() + 64);
  const std::size_t half = name.size() / 2;
  const std::string path = join_source_path(name.substr(0, half), name.substr(half));
  sightline::fuzz::require(path.size() <= name.size() + 2);
  return 0;
}
