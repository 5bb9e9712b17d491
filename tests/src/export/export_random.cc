// Writes one random trace in every format into a directory: export-random DIRECTORY SEED EVENTS
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "src/export/exporter.h"
#include "tests/src/slt/random_trace.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const sightline::slt::RandomTraceOptions options{.seed = static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)),
                                                   .events = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10))};
  for (const auto& format : sightline::exporting::formats()) {
    std::string error;
    const auto output =
        sightline::Output::open(std::string(argv[1]) + "/trace." + std::string(format.name), false, error);
    if (output == nullptr) {
      std::fprintf(stderr, "%s\n", error.c_str());
      return 1;
    }
    const auto exporter = sightline::exporting::make_exporter(format.name, *output, error);
    sightline::slt::tell_random_trace(options, *exporter);
    if (!output->flush() || exporter->output_errors() != 0) return 1;
  }
  return 0;
}
