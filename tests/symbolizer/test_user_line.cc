// Which files are the user's.
#include <doctest/doctest.h>

#include "symbolizer/range_index.h"
#include "symbolizer/symbolizer.h"
#include "symbolizer/user_line.h"

namespace sightline::symbolizer {
namespace {

FileClass classify(std::string_view path, std::string_view soname, bool is_program = false) {
  return classify_file(path, soname, is_program, {});
}

}  // namespace

TEST_CASE("the runtime is known by its names, wherever it lies") {
  CHECK(classify("/usr/lib/x86_64-linux-gnu/libc.so.6", "libc.so.6") == FileClass::runtime);
  CHECK(classify("/home/me/toolchain/libc-2.31.so", "libc.so.6") == FileClass::runtime);
  CHECK(classify("/lib64/libc-2.31.so", "") == FileClass::runtime);
  CHECK(classify("/lib64/ld-linux-x86-64.so.2", "ld-linux-x86-64.so.2", false) == FileClass::runtime);
  CHECK(classify("/lib/ld-musl-x86_64.so.1", "libc.musl-x86_64.so.1", true) == FileClass::runtime);
  CHECK(classify("/opt/libstdc++.so.6.0.30", "libstdc++.so.6") == FileClass::runtime);
  CHECK(classify("/opt/libasan.so.8", "libasan.so.8") == FileClass::runtime);
  CHECK(classify("/opt/libclang_rt.asan-x86_64.so", "") == FileClass::runtime);
  CHECK(classify("[vdso]", "linux-vdso.so.1") == FileClass::runtime);
  CHECK(classify("[vsyscall]", "") == FileClass::runtime);
}

TEST_CASE("programs are the user's, libraries by their directory") {
  CHECK(classify("/usr/bin/ls", "", true) == FileClass::user);
  CHECK(classify("/usr/lib/gcc/x86_64-linux-gnu/12/cc1", "", true) == FileClass::user);
  CHECK(classify("/usr/lib/x86_64-linux-gnu/libz.so.1", "libz.so.1") == FileClass::system);
  CHECK(classify("/lib/libz.so.1", "") == FileClass::system);
  CHECK(classify("/home/me/libz.so.1", "libz.so.1") == FileClass::user);
  CHECK(classify("/usr/local/lib/libmine.so", "") == FileClass::user);
  CHECK(classify("/usr/library/x.so", "") == FileClass::user);
  CHECK(classify("/home/me/libcurses.so", "libcurses.so.1") == FileClass::user);
  CHECK(classify("/home/me/libc", "") == FileClass::user);
  CHECK(classify("/memfd:x", "") == FileClass::user);
}

TEST_CASE("headers of toolchains and package registries are not the user's source") {
  for (const char* path :
       {"/usr/include/c++/12/bits/stl_algo.h", "/usr/include/stdio.h",
        "/usr/lib/gcc/x86_64-linux-gnu/12/include/emmintrin.h", "/rustc/abc123/library/std/src/io.rs",
        "/home/me/.cargo/registry/src/x/lib.rs", "/opt/gcc/include/c++/13/vector",
        "/usr/lib/llvm-14/lib/clang/14.0.6/include/x.h", "/usr/lib/go-1.19/src/os/file.go",
        "/usr/local/go/src/internal/poll/fd_unix.go", "/home/me/sdk/go1.22.1/src/net/http/server.go",
        "/usr/src/rustc-1.63.0/library/std/src/fs.rs"}) {
    CHECK(is_runtime_source(path, {}));
  }
  for (const char* path : {"/home/me/src/main.cc", "src/main.cc", "", "/usr/src/app/main.c", "/usr/included/x.h",
                           "/home/me/go/src/shop/main.go", "/home/me/go/src/example.org/os/main.go",
                           "/home/me/go1.x/src/a.go", "/home/me/gopher/src/os/main.go", "/home/go"}) {
    CHECK_FALSE(is_runtime_source(path, {}));
  }
}

TEST_CASE("what the user says of paths goes before all rules, the longest first") {
  const Options options{.user_prefixes = {"/usr/lib/mine/", "/opt/app", "/usr/include/mine.h"},
                        .library_prefixes = {"/opt/app/vendor", "/usr/bin", "/home/me/third_party"}};
  const auto classify = [&](std::string_view path, std::string_view soname = "", bool is_program = false) {
    return classify_file(path, soname, is_program, options);
  };
  CHECK(classify("/usr/lib/mine/libx.so") == FileClass::user);
  CHECK(classify("/usr/lib/mine/libc.so.6", "libc.so.6") == FileClass::user);
  CHECK(classify("/usr/lib/miners/libx.so") == FileClass::system);
  CHECK(classify("/usr/bin/ls", "", true) == FileClass::system);
  CHECK(classify("/opt/app/bin/x", "", true) == FileClass::user);
  CHECK(classify("/opt/app/vendor/libx.so") == FileClass::system);
  CHECK(classify("/opt/app/vendors/libx.so") == FileClass::user);
  CHECK(is_runtime_source("/home/me/third_party/json.hpp", options));
  CHECK_FALSE(is_runtime_source("/usr/include/mine.h", options));
  CHECK(is_runtime_source("/usr/include/mine.hpp", options));
}

TEST_CASE("source paths are shown where the user has them") {
  const Options options{.source_map = {{"/build", "/src"}, {"/build/app-1.0", "/home/me/app"}, {"/x/", "y/"}}};
  CHECK(shown_source("/build/app-1.0/main.cc", options) == "/home/me/app/main.cc");
  CHECK(shown_source("/build/app-1.0", options) == "/home/me/app");
  CHECK(shown_source("/build/app-1.00/main.cc", options) == "/src/app-1.00/main.cc");
  CHECK(shown_source("/builder/main.cc", options) == "/builder/main.cc");
  CHECK(shown_source("/x/main.cc", options) == "y/main.cc");
  CHECK(shown_source("", options) == "");
}

TEST_CASE("symbols of the runtime") {
  for (const char* name : {"_start", "__libc_start_main", "_IO_new_fopen", "_ZNSt6thread4joinEv", "_exit"}) {
    CHECK(is_runtime_symbol(name));
  }
  for (const char* name : {"main", "write_all", "_private", "_ZN2ns3fooEv", "_RNvC1a4main", ""}) {
    CHECK_FALSE(is_runtime_symbol(name));
  }
}

TEST_CASE("ranges: nested, overlapping, equal, empty") {
  RangeIndex<int> index;
  CHECK(RangeIndex<int>().find(5) == nullptr);
  index.add(100, 200, 1);
  index.add(120, 140, 2);
  index.add(120, 130, 3);
  index.add(300, 300, 4);
  index.add(400, 350, 5);
  index.add(190, 250, 6);
  index.finish();
  const auto at = [&](uint64_t address) { return index.find(address) ? index.find(address)->value : 0; };
  CHECK(at(99) == 0);
  CHECK(at(100) == 1);
  CHECK(at(125) == 2);
  CHECK(at(135) == 2);
  CHECK(at(140) == 1);
  CHECK(at(189) == 1);
  CHECK(at(195) == 6);
  CHECK(at(249) == 6);
  CHECK(at(250) == 0);
  CHECK(at(300) == 0);
  CHECK(at(375) == 0);
  CHECK(at(UINT64_MAX) == 0);
}

}  // namespace sightline::symbolizer
