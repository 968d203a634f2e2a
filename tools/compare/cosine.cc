#include "tools/compare/cosine.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hubcell::compare {

double Cosine::rescale(Scale& scale, std::span<const double> block) {
  double most = 0;
  for (const double number : block)
    most = std::max(most, std::abs(number));
  if (most == 0) return 1;
  const int before = scale.exponent;
  scale.exponent = std::max(before, std::min(std::ilogb(most), Scale::kExponentMax));
  return std::ldexp(1.0, before - scale.exponent);
}

void Cosine::add(std::span<const double> a, std::span<const double> b) {
  const double shrink_a = rescale(scale_a_, a), shrink_b = rescale(scale_b_, b);
  const double factor_a = std::ldexp(1.0, -scale_a_.exponent), factor_b = std::ldexp(1.0, -scale_b_.exponent);
  double product = 0, square_a = 0, square_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double scaled_a = a[i] * factor_a, scaled_b = b[i] * factor_b;
    product += scaled_a * scaled_b;
    square_a += scaled_a * scaled_a;
    square_b += scaled_b * scaled_b;
  }
  product_ = product_ * shrink_a * shrink_b + product;
  square_a_ = square_a_ * shrink_a * shrink_a + square_a;
  square_b_ = square_b_ * shrink_b * shrink_b + square_b;
}

std::optional<double> Cosine::value() const {
  if (square_a_ == 0 || square_b_ == 0) return std::nullopt;
  return std::clamp(product_ / (std::sqrt(square_a_) * std::sqrt(square_b_)), -1.0, 1.0);
}

}  // namespace hubcell::compare
