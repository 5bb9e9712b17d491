/// Text for a terminal: how wide it is, and text of unknown origin made fit for it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sightline {

/// The width of the terminal that `fd` is; 0 if it is none or does not say.
std::size_t terminal_columns(int fd);

/// How many columns UTF-8 text takes, near enough for alignment: the bytes that start a character.
std::size_t columns(std::string_view text);

/// Names and sources come from files that anybody may have written: tabs become blanks up to the next multiple of 8,
/// other control characters and what is not UTF-8 become `?`, so that no text can command the terminal.
void append_printable(std::string& out, std::string_view text);
std::string printable(std::string_view text);

/// Cuts to `width` columns, with `…` where something is missing: at the end, or in front. 0: no cut.
std::string cut_behind(std::string text, std::size_t width);
std::string cut_in_front(std::string text, std::size_t width);

}  // namespace sightline
