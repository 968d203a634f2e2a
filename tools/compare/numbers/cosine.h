// The cosine of the angle between two vectors, summed up block by block.
//
// Squares of doubles overflow beyond 1e154 and vanish below 1e-162, so that each vector is scaled by a power of two, which costs
// no accuracy: the one of the largest element so far (as BLAS's nrm2 does).
#pragma once

#include <optional>
#include <span>

namespace hubcell::compare {

class Cosine {
 public:
  // The next elements of both: finite ones, of one number.
  void add(std::span<const double> a, std::span<const double> b);
  // None where one of the vectors is zero.
  std::optional<double> value() const;

 private:
  struct Scale {
    // Within these, 2 to the exponent and to its negative are normal doubles.
    static constexpr int kExponentMin = -1000, kExponentMax = 1000;
    int exponent = kExponentMin;
  };
  // Makes room for `block`, and tells how sums of products with earlier elements have to shrink.
  static double rescale(Scale& scale, std::span<const double> block);

  Scale scale_a_, scale_b_;
  double product_ = 0, square_a_ = 0, square_b_ = 0;
};

}  // namespace hubcell::compare
