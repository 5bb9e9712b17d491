#include "src/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "src/export/utf8.h"

namespace sightline {
namespace {

bool starts_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

}  // namespace

std::size_t terminal_columns(int fd) {
  winsize size{};
  return isatty(fd) != 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::size_t columns(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += starts_character(c) ? 1 : 0;
  return n;
}

void append_printable(std::string& out, std::string_view text) {
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++column) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\t') {
      const std::size_t blanks = 8 - column % 8;
      out.append(blanks, ' ');
      column += blanks - 1;
      ++i;
      continue;
    }
    const std::size_t length = exporting::utf8_sequence(text.substr(i, 4));
    // U+0080 to U+009F are control characters, too: some terminals obey them.
    const bool control =
        c < 0x20 || c == 0x7f || (length == 2 && c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0);
    if (length == 0 || control)
      out += '?';
    else
      out += text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
}

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text);
  return out;
}

std::string cut_behind(std::string text, std::size_t width) {
  if (width == 0 || columns(text) <= width) return text;
  std::size_t at = 0;
  for (std::size_t left = width; at < text.size(); ++at)
    if (starts_character(text[at]) && left-- == 1) break;
  text.resize(at);
  return text + "…";
}

std::string cut_in_front(std::string text, std::size_t width) {
  if (width == 0 || columns(text) <= width) return text;
  std::size_t at = text.size();
  for (std::size_t left = width - 1; at > 0 && left > 0;)
    if (starts_character(text[--at])) --left;
  return "…" + text.substr(at);
}

}  // namespace sightline
