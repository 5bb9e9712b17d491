#include "tracer/tracee.h"

#include "tracer/inprocess/sites.h"

namespace sightline::tracer {

std::shared_ptr<AddressSpace> AddressSpace::copy_of(const AddressSpace& other) {
  auto copy = std::make_shared<AddressSpace>(other);
  copy->serial = 0;
  copy->inside = 0;
  copy->parked = 0;
  copy->suspended = 0;
  copy->registered = false;
  if (other.sites == nullptr) return copy;
  copy->sites = std::make_shared<inprocess::Sites>(*other.sites);
  copy->sites->copied();
  // Another thread may have made some since of which we have not heard yet.
  if (other.inside > 1) copy->sites->code().end();
  return copy;
}

}  // namespace sightline::tracer
