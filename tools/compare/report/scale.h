// From numbers to places along an axis, linear or logarithmic. No number leads off the axis or to no place: what is beyond an end is at
// that end, and what is no number at the beginning.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hubcell::compare {

struct Tick {
  double place = 0;
  std::string label;
};

class Scale {
 public:
  // Over [from, to]; where they are no range, over one around them.
  static Scale linear(double from, double to);
  // Over the powers of ten around the finite positive ones of `values`: one decade at least.
  static Scale logarithmic(const std::vector<double>& values);

  Scale onto(double begin, double end) const;  // places, say pixels
  double operator()(double value) const;
  bool holds(double value) const;

  // At round numbers, about so many; with labels by `format`, and as "10⁻³" where a logarithmic scale is long.
  std::vector<Tick> ticks(std::size_t most, std::string (*format)(double)) const;

 private:
  double place_of(double value) const;  // on the scale: of a logarithmic one, the exponent

  double from_ = 0, to_ = 1;  // of a logarithmic one, exponents
  double begin_ = 0, end_ = 1;
  bool is_logarithmic_ = false;
};

}  // namespace hubcell::compare
