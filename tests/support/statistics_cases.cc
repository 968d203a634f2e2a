// Prints what tools/compare/numbers/statistics.h makes of cases, for a test that works them out in another way. A line is a function's
// name and its numbers; samples come last.
#include "tools/compare/numbers/statistics.h"

#include <iostream>
#include <iterator>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace {

using hubcell::compare::Interval;

void print(const Interval& interval) {
  std::cout << interval.estimate << ' ' << interval.low << ' ' << interval.high << '\n';
}

std::uint64_t count(double number) {
  return static_cast<std::uint64_t>(number);
}

bool answer(const std::string& function, std::span<const double> numbers) {
  using namespace hubcell::compare;
  if (function == "normal_quantile") {
    std::cout << normal_quantile(numbers[0]) << '\n';
  } else if (function == "quantile_interval") {
    print(quantile_interval(numbers.subspan(2), numbers[0], numbers[1]));
  } else if (function == "ratio_interval") {
    const auto samples = numbers.subspan(1);
    print(ratio_interval(samples.first(samples.size() / 2), samples.last(samples.size() / 2), numbers[0]));
  } else if (function == "wilson_interval") {
    print(wilson_interval(count(numbers[0]), count(numbers[1]), numbers[2]));
  } else if (function == "mcnemar_p") {
    std::cout << mcnemar_p(count(numbers[0]), count(numbers[1])) << '\n';
  } else if (function == "paired_difference_interval") {
    print(paired_difference_interval({.both_right = count(numbers[0]),
                                      .only_a = count(numbers[1]),
                                      .only_b = count(numbers[2]),
                                      .both_wrong = count(numbers[3])},
                                     numbers[4]));
  } else {
    return false;
  }
  return true;
}

}  // namespace

int main() {
  std::cout.precision(std::numeric_limits<double>::max_digits10);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string function;
    words >> function;
    const std::vector<double> numbers{std::istream_iterator<double>(words), std::istream_iterator<double>()};
    if (!answer(function, numbers)) return 1;
  }
}
