// The language of `--fail-if`: "max_abs > 1e-5 or latency_ratio > 1.1", "not equal",
// "accuracy_difference < -0.01 and mcnemar_p < 0.05".
//
// Figures by name (figures.h), numbers, parentheses and abs(), and from what binds loosest to what binds tightest:
//   or    and    not    < <= > >= == !=    + -    * /    - (of one number)
// as in Python, but that comparisons do not chain. What is not 0 holds.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubcell::compare {

class Condition {
 public:
  // The figure's value, or none where it was not measured.
  using Lookup = std::function<std::optional<double>(std::string_view name)>;

  // Names of figures in it, each once, in their order.
  std::vector<std::string> names() const;
  // Whether it holds. The right side of `and` and `or` is looked at only where the left one leaves it open. Error(Usage) where a
  // figure that is needed was not measured, and where a comparison has no answer since a side is not a number (0 / 0).
  bool evaluate(const Lookup& lookup) const;
  const std::string& text() const { return text_; }

  struct Node;

 private:
  Condition() = default;
  friend Condition parse_condition(std::string text);
  std::string text_;
  std::shared_ptr<const std::vector<Node>>
      nodes_;  // the root is the last one; those below a node come before it
};

// Error(Usage) of one line that names the place, for what is not of the language and for names of no figure.
Condition parse_condition(std::string text);

}  // namespace hubcell::compare
