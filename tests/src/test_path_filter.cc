#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "src/path_filter.h"
#include "src/trace_filter.h"

using namespace sightline;

namespace {

bool passes(const tracer::Filter& filter, tracer::Abi abi, std::string_view name) {
  const int32_t nr = tracer::find_syscall_number(abi, name);
  REQUIRE(nr >= 0);
  return filter.passes(abi, nr, tracer::find_syscall(abi, nr));
}

}  // namespace

TEST_CASE("a path is looked for as given and as what it leads to") {
  std::string name = std::filesystem::temp_directory_path() / "sightline-paths-XXXXXX";
  REQUIRE(mkdtemp(name.data()) != nullptr);
  const std::filesystem::path directory = std::filesystem::canonical(name);
  const std::string file = directory / "file";
  const std::string link = directory / "link";
  std::ofstream(file) << "x";
  std::filesystem::create_symlink("file", link);

  const PathFilter plain = resolve_paths({file});
  CHECK(plain.error.empty());
  CHECK(plain.notes.empty());
  CHECK(plain.paths.has(file));

  const PathFilter linked = resolve_paths({link, "/no/such/file", "relative/nothing"});
  CHECK(linked.paths.has(link));
  CHECK(linked.paths.has(file));
  CHECK(linked.paths.has("/no/such/file"));
  CHECK(linked.paths.has("relative/nothing"));
  REQUIRE(linked.notes.size() == 1);
  CHECK(linked.notes[0] == "Requested path \"" + link + "\" resolved into \"" + file + "\"");
  std::filesystem::remove_all(directory);

  CHECK(resolve_paths({}).paths.empty());
  CHECK(resolve_paths({""}).error != "");
  CHECK(resolve_paths({std::string(5000, 'x')}).error != "");
  CHECK(resolve_paths(std::vector<std::string>(10000, "/no/such/file")).error == "");
  std::vector<std::string> many;
  for (int i = 0; i < 10000; ++i) many.push_back("/no/such/file" + std::to_string(i));
  CHECK(resolve_paths(many).error != "");
}

TEST_CASE("calls that access no path are left out of the filter, and none is added") {
  tracer::Filter filter = tracer::Filter::all();
  leave_paths_only(filter);
  for (const tracer::Abi abi : {tracer::Abi::x86_64, tracer::Abi::i386, tracer::Abi::x32}) {
    CHECK(passes(filter, abi, "open"));
    CHECK(passes(filter, abi, "read"));
    CHECK_FALSE(passes(filter, abi, "getpid"));
    CHECK_FALSE(filter.passes(abi, 1000, nullptr));
  }
  filter = parse_trace_set("read,getpid").value;
  leave_paths_only(filter);
  CHECK(passes(filter, tracer::Abi::x86_64, "read"));
  CHECK_FALSE(passes(filter, tracer::Abi::x86_64, "open"));
  CHECK_FALSE(passes(filter, tracer::Abi::x86_64, "getpid"));
}
