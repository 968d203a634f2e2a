// What an input looks like, for people: a thumbnail of a picture, the outline of a sound or a time series.
#pragma once

#include <hubcell/compare.h>

namespace hubcell::compare {

// Of the first argument that looks like something: PIL images; tensors [1, C, H, W], [C, H, W] and [H, W, C] with one or three channels,
// uint8 or real numbers from 0 to 1 (others are scaled to what they span); tensors with one dimension that is longer than 15 and no other.
Preview preview_of(const Input& input);

}  // namespace hubcell::compare
