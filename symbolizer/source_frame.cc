#include "symbolizer/source_frame.h"

#include <algorithm>
#include <vector>

namespace sightline::symbolizer {

std::string join_source_path(std::string_view directory, std::string_view name) {
  std::string joined;
  if (!name.starts_with('/') && !directory.empty()) joined.append(directory).append("/");
  joined.append(name);

  const bool absolute = joined.starts_with('/');
  std::vector<std::string_view> parts;
  const std::string_view rest = joined;
  for (std::size_t at = 0; at < rest.size();) {
    const std::size_t slash = std::min(rest.find('/', at), rest.size());
    const std::string_view part = rest.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !absolute) {
      parts.push_back(part);
    }
  }
  std::string result = absolute ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += '/';
    result += parts[i];
  }
  return result;
}

}  // namespace sightline::symbolizer
