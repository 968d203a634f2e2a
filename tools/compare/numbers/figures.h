// The single numbers that a comparison comes down to, by name: what a condition may ask for.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <hubcell/comparison.h>

#include "tools/compare/numbers/condition.h"

namespace hubcell::compare {

struct FigureInfo {
  std::string_view name;
  std::string_view meaning;  // in one phrase
  std::string_view needs;    // what has to be measured for it: "inputs with labels"
};

struct Figure : FigureInfo {
  std::optional<double> value;  // none where it was not measured
};

// All of them, in the order of a report.
std::span<const FigureInfo> figure_infos();
const FigureInfo* find_figure_info(std::string_view name);

// In the same order. Yes and no are 1 and 0.
std::vector<Figure> figures_of(const Comparison& comparison);

// Error(Usage) where the condition needs one that was not measured.
bool holds(const Condition& condition, const std::vector<Figure>& figures);

}  // namespace hubcell::compare
