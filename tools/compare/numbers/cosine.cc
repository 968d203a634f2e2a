#include "tools/compare/numbers/cosine.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "tools/compare/numbers/lanes.h"

namespace hubcell::compare {

double Cosine::rescale(Scale& scale, std::span<const double> block) {
  const double most = max_of(block.size(), [&](std::size_t i) { return std::abs(block[i]); });
  if (most == 0) return 1;
  const int before = scale.exponent;
  scale.exponent = std::max(before, std::min(std::ilogb(most), Scale::kExponentMax));
  return std::ldexp(1.0, before - scale.exponent);
}

void Cosine::add(std::span<const double> a, std::span<const double> b) {
  const double shrink_a = rescale(scale_a_, a), shrink_b = rescale(scale_b_, b);
  const double factor_a = std::ldexp(1.0, -scale_a_.exponent), factor_b = std::ldexp(1.0, -scale_b_.exponent);
  const auto sum_of_products = [](std::span<const double> left, double left_factor,
                                  std::span<const double> right, double right_factor) {
    return sum_of(left.size(),
                  [&](std::size_t i) { return (left[i] * left_factor) * (right[i] * right_factor); });
  };
  product_ = product_ * shrink_a * shrink_b + sum_of_products(a, factor_a, b, factor_b);
  square_a_ = square_a_ * shrink_a * shrink_a + sum_of_products(a, factor_a, a, factor_a);
  square_b_ = square_b_ * shrink_b * shrink_b + sum_of_products(b, factor_b, b, factor_b);
}

std::optional<double> Cosine::value() const {
  if (square_a_ == 0 || square_b_ == 0) return std::nullopt;
  return std::clamp(product_ / (std::sqrt(square_a_) * std::sqrt(square_b_)), -1.0, 1.0);
}

}  // namespace hubcell::compare
