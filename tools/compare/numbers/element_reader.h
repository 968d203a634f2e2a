// Copies a tensor's elements out in row-major order, whatever its strides, a few at a time: each is read once, and what a worker
// writes meanwhile cannot change what has been read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <hubcell/tensor.h>

namespace hubcell::compare {

class ElementReader {
 public:
  // Borrows the tensor's memory.
  explicit ElementReader(const Tensor& tensor);
  // The next elements, as many as have room in `into` and are left; tells how many.
  std::size_t read(std::span<std::byte> into);

 private:
  struct Dimension {
    std::int64_t size, stride;
    std::int64_t position = 0;
  };
  std::size_t read_run(std::byte* into, std::size_t count);
  void step_outer();

  std::size_t item_;
  std::size_t left_;
  const std::byte* data_;
  std::int64_t offset_ = 0;  // elements from `data_` to the next one
  std::vector<Dimension>
      dimensions_;  // without those of one element, neighbours joined where they lie in a row
};

}  // namespace hubcell::compare
