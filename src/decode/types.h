/// Which printer an argument type has.
#pragma once

#include "src/decode/context.h"
#include "tracer/syscall_table.h"

namespace sightline::decode {

/// The row of `type`; of a type nobody wrote a printer for one that prints it by its base.
const TypeRow& type_row(tracer::ArgType type);

/// The value of a register as wide as `type` is: sign- or zero-extended from 32 bits where only those count.
uint64_t narrowed(tracer::ArgType type, uint64_t value, bool i386);

}  // namespace sightline::decode
