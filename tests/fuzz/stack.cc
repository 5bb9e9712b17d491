// Hostile registers and stack bytes, walked in this very program and its libraries.
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "symbolizer/symbolizer.h"
#include "tests/fuzz/memory_file.h"

using namespace sightline::symbolizer;

namespace {

std::vector<Mapping> own_mappings() {
  std::vector<Mapping> mappings;
  std::ifstream maps("/proc/self/maps");
  for (std::string text; std::getline(maps, text);) {
    std::istringstream fields(text);
    Mapping mapping;
    char dash = 0;
    std::string permissions;
    std::string device;
    fields >> std::hex >> mapping.start >> dash >> mapping.end >> permissions >> mapping.file_offset >> device >>
        std::dec >> mapping.inode >> std::ws;
    std::getline(fields, mapping.path);
    // This program's own debug information is not the matter here, and takes long to read under a sanitizer.
    if (permissions.size() > 2 && permissions[2] == 'x' && mapping.path.find("lib") != std::string::npos)
      mappings.push_back(mapping);
  }
  return mappings;
}

/// Random numbers hardly ever lie in code or on the stack, so most words choose a place there.
uint64_t meant_by(uint64_t word, const std::vector<Mapping>& mappings, uint64_t stack, std::size_t stack_size) {
  const uint64_t value = word >> 8;
  switch (word & 7) {
    case 0:
      return word;
    case 1:
    case 2:
      return stack + value % (stack_size + 64) - 16;
    case 3:
      return 0;
    default: {
      if (mappings.empty()) return word;
      const Mapping& mapping = mappings[(word >> 3 & 31) % mappings.size()];
      return mapping.start + value % (mapping.end - mapping.start);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  // What was read of the libraries is kept from one input to the next; stacks are few enough to be kept as well.
  static const std::vector<Mapping> mappings = own_mappings();
  static Symbolizer* symbolizer = nullptr;
  static SpaceId space = 0;
  static unsigned inputs = 0;
  if (inputs++ % 4096 == 0) {
    delete symbolizer;
    Options options;
    options.debug_directories = {};
    symbolizer = new Symbolizer(options);
    space = symbolizer->create_space();
    symbolizer->set_mappings(space, mappings);
  }
  constexpr uint64_t kStack = 0x7ffc00000000;
  std::vector<uint64_t> words(size / 8);
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * 8);
  for (uint64_t& word : words) word = meant_by(word, mappings, kStack, words.size() * 8);
  StackSample sample;
  sample.address = kStack;
  std::size_t used = 0;
  for (uint64_t& value : sample.registers.value)
    if (used < words.size()) value = words[used++];
  sample.bytes = std::as_bytes(std::span(words).subspan(used));
  if (size > 0) sample.leaf_is_after_call = (data[size - 1] & 1) != 0;
  if (size > 1 && (data[size - 2] & 3) != 0) sample.registers.value[Registers::kSp] = kStack;
  for (const Depth depth : {Depth::user_line, Depth::whole}) {
    const Resolved resolved = symbolizer->resolve(space, sample, depth);
    const Stack& stack = symbolizer->stack(resolved.stack);
    sightline::fuzz::require(!stack.frames.empty() && stack.frames.size() < 100'000);
    sightline::fuzz::require(stack.user_frame >= 0 && static_cast<std::size_t>(stack.user_frame) < stack.frames.size());
    sightline::fuzz::require(!resolved.hit_end_of_bytes || stack.truncated);
  }
  return 0;
}
