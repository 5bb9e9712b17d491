// What becomes of bytes that are not plain text, and of strings longer than -s allows (8 here).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  char* pages = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (null < 0 || zero < 0 || pages == MAP_FAILED || munmap(pages + 4096, 4096) != 0) return 1;
  expect::begin();

  const auto write_bytes = [&](const char* bytes, size_t size, const char* shown) {
    const long n = call(SYS_write, null, bytes, size);
    line("write(%d, %s, %zu) = %s", null, shown, size, result(n));
  };
  write_bytes("", 0, "\"\"");
  write_bytes("\\\"'", 3, "\"\\\\\\\"'\"");
  write_bytes("\a\b\t\n\v\f\r", 7, "\"\\7\\10\\t\\n\\v\\f\\r\"");
  write_bytes("\0\1\0011", 4, "\"\\0\\1\\0011\"");
  write_bytes("\177\200\377", 3, "\"\\177\\200\\377\"");
  write_bytes("\0009\0008\000a", 6, "\"\\09\\08\\0a\"");
  write_bytes("\303\244", 2, "\"\\303\\244\"");
  write_bytes("12345678", 8, "\"12345678\"");
  write_bytes("123456789", 9, "\"12345678\"...");
  write_bytes("1234567\n\n", 9, "\"1234567\\n\"...");

  // Paths are shown whole.
  long n = call(SYS_access, "/no/such/directory/at/all", F_OK);
  line("access(\"/no/such/directory/at/all\", F_OK) = %s", result(n));
  n = call(SYS_access, "/no/\ttab/\"quote\"", F_OK);
  line("access(\"/no/\\ttab/\\\"quote\\\"\", F_OK) = %s", result(n));
  char path[6000];
  memset(path, 'x', sizeof path - 1);
  path[sizeof path - 1] = '\0';
  n = call(SYS_access, path, F_OK);
  char shown[4096];
  memcpy(shown, path, 4095);
  shown[4095] = '\0';
  line("access(\"%s\"..., F_OK) = %s", shown, result(n));

  // The last bytes of a page, with nothing behind it.
  memcpy(pages + 4092, "end", 4);
  n = call(SYS_access, pages + 4092, F_OK);
  line("access(\"end\", F_OK) = %s", result(n));
  memcpy(pages + 4093, "end", 3);
  n = call(SYS_access, pages + 4093, F_OK);
  line("access(%p, F_OK) = %s", static_cast<void*>(pages + 4093), result(n));
  n = call(SYS_write, null, pages + 4093, 3);
  line("write(%d, \"end\", 3) = %s", null, result(n));
  n = call(SYS_access, pages + 4096, F_OK);
  line("access(%p, F_OK) = %s", static_cast<void*>(pages + 4096), result(n));
  n = call(SYS_access, nullptr, F_OK);
  line("access(NULL, F_OK) = %s", result(n));
  n = call(SYS_access, 1UL, F_OK);
  line("access(0x1, F_OK) = %s", result(n));

  char buffer[32];
  n = call(SYS_read, zero, buffer, 9);
  line("read(%d, \"\\0\\0\\0\\0\\0\\0\\0\\0\"..., 9) = %s", zero, result(n));
  n = call(SYS_read, zero, nullptr, 9);
  line("read(%d, NULL, 9) = %s", zero, result(n));
  n = call(SYS_read, -1, buffer, 9);
  line("read(-1, %p, 9) = %s", static_cast<void*>(buffer), result(n));

  const iovec pieces[] = {{const_cast<char*>("one"), 3}, {const_cast<char*>("two and more"), 12}, {nullptr, 0}};
  n = call(SYS_writev, null, pieces, 3);
  line(
      "writev(%d, [{iov_base=\"one\", iov_len=3}, {iov_base=\"two and \"..., iov_len=12}, {iov_base=NULL, iov_len=0}], "
      "3) = %s",
      null, result(n));
  n = call(SYS_writev, null, pieces, 0);
  line("writev(%d, [], 0) = %s", null, result(n));
  char first[2], second[16];
  iovec places[] = {{first, 2}, {second, 16}};
  n = call(SYS_readv, zero, places, 1);
  line("readv(%d, [{iov_base=\"\\0\\0\", iov_len=2}], 1) = %s", zero, result(n));
  n = call(SYS_preadv, zero, places, 2, 7);
  line(
      "preadv(%d, [{iov_base=\"\\0\\0\", iov_len=2}, {iov_base=\"\\0\\0\\0\\0\\0\\0\\0\\0\"..., iov_len=16}], 2, 7) = "
      "%s",
      zero, result(n));
  n = call(SYS_pwritev, null, pieces, 1, 0);
  line("pwritev(%d, [{iov_base=\"one\", iov_len=3}], 1, 0) = %s", null, result(n));
  n = call(SYS_writev, null, 16UL, 1);
  line("writev(%d, 0x10, 1) = %s", null, result(n));
  n = call(SYS_writev, -1, pieces, 1);
  line("writev(-1, [{iov_base=\"one\", iov_len=3}], 1) = %s", result(n));

  expect::end();
  return expect::finish();
}
