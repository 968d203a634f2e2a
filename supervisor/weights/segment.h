// Memory that holds weights, that nobody can change any more, and that any number of processes map.
//
// What a segment is made of is known here only: a memfd. Memory of a GPU is to be another kind.
#pragma once

#include <cstdint>

#include "shared/posix/unique_fd.h"

namespace hubcell::weights {

class Segment {
 public:
  explicit Segment(std::uint32_t number, std::uint64_t bytes) : number_(number), bytes_(bytes) {}
  virtual ~Segment() = default;
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::uint32_t number() const { return number_; }
  std::uint64_t bytes() const { return bytes_; }
  // What a process maps it by, borrowed.
  virtual int descriptor() const = 0;

 private:
  const std::uint32_t number_;
  const std::uint64_t bytes_;
};

class MemfdSegment final : public Segment {
 public:
  // `memfd` is sealed against writing.
  MemfdSegment(std::uint32_t number, std::uint64_t bytes, posix::UniqueFd memfd)
      : Segment(number, bytes), memfd_(std::move(memfd)) {}
  int descriptor() const override { return memfd_.get(); }

 private:
  const posix::UniqueFd memfd_;
};

}  // namespace hubcell::weights
