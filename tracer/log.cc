#include "tracer/log.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace sightline::tracer {

void Log::print(Level level, pid_t tid, const char* format, ...) {
  if (level > level_) return;
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (size > 0) write(tid, {line, std::min(static_cast<std::size_t>(size), sizeof line - 1)});
}

}  // namespace sightline::tracer
