/// What several formats say of a call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/decode/decode.h"
#include "src/model.h"

namespace sightline::exporting {

/// `ENOENT`; the bare number if it has no name; "" if the call did not fail.
std::string error_name(const Call& call);

/// `src/config.cc:42` of the user's line; "" if unknown.
std::string source_line(const Call& call);

/// `killed`, `returned`, …; `open` of a call whose end was never seen.
std::string_view end_name(const Call& call);

std::string_view abi_name(tracer::Abi abi);

/// The classes that a call belongs to (`file`, `network`, …), those of -e trace=%class that say what it is about.
void class_names(const Call& call, std::vector<std::string_view>& into);

/// `SIGINT`; `stopped by SIGSTOP` for a group stop.
std::string signal_title(const Signal& signal);

/// `exited with 3`, `killed by SIGKILL`, …
std::string end_title(const ThreadEnd& end);

}  // namespace sightline::exporting
