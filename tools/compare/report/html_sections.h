// The sections of the page.
#pragma once

#include <hubcell/comparison.h>

#include "tools/compare/report/html.h"

namespace hubcell::compare {

void add_header(Html& html, const Comparison& comparison);
void add_footer(Html& html, const Comparison& comparison);

// Each has one of these: whether there is anything to say, and saying it.
bool has_outputs(const Comparison& comparison);
void add_outputs(Html& html, const Comparison& comparison);
bool has_classes(const Comparison& comparison);
void add_classes(Html& html, const Comparison& comparison);
bool has_modules(const Comparison& comparison);
void add_modules(Html& html, const Comparison& comparison);
bool has_weights(const Comparison& comparison);
void add_weights(Html& html, const Comparison& comparison);
bool has_speed(const Comparison& comparison);
void add_speed(Html& html, const Comparison& comparison);
bool has_code(const Comparison& comparison);
void add_code(Html& html, const Comparison& comparison);
void add_sides(Html& html, const Comparison& comparison);

// The inputs on which the sides differ most, shown.
void add_inputs(Html& html, const Comparison& comparison);

}  // namespace hubcell::compare
