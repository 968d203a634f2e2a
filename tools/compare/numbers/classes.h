// Answers as scores of classes: what each ranks first, how often two models agree, and how often they are right.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <hubcell/comparison.h>
#include <hubcell/value.h>

namespace hubcell::compare {

// Whether an answer may be one: a tensor or array of floats [C] or [1, C], of 2 to 2^20 classes. A batch has no single label.
bool looks_like_scores(const Value& answer);

// Its `k` highest classes, or as many as it has; equal scores by index, NaN last. None where it does not look like scores.
std::optional<Ranking> ranking_of(const Value& answer, std::size_t k);

// Of the inputs that both sides ranked. All figures with labels are of those among them that have a label, so that the accuracies
// differ by the accuracy difference; an input that one side failed at counts for neither. A NaN is nobody's class: it agrees with
// nothing. The overlap of an input is the share of the first k classes (or of as many as one of them has) that both have.
ClassResult classify(const std::vector<InputResult>& inputs, std::size_t k, double confidence);

}  // namespace hubcell::compare
