/// What was looked up last, by serial: most records are of one of a few threads, and a table is dear.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sightline {

template <class T>
class Recent {
 public:
  /// nullptr: it has to be looked up.
  T* find(uint32_t serial) const {
    const Place& place = places_[serial % kPlaces];
    return place.serial == serial ? place.what : nullptr;
  }
  void add(uint32_t serial, T& what) { places_[serial % kPlaces] = {serial, &what}; }
  void forget(uint32_t serial) {
    if (find(serial) != nullptr) places_[serial % kPlaces] = {};
  }

 private:
  static constexpr std::size_t kPlaces = 64;
  struct Place {
    uint32_t serial = 0;
    T* what = nullptr;
  };
  std::array<Place, kPlaces> places_{};
};

}  // namespace sightline
