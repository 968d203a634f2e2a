// Small pictures inside a page.
#pragma once

#include <string>

#include <hubcell/comparison.h>

namespace hubcell::compare {

// "data:image/png;base64,...": the image of a preview, made smaller where it is too large for a thumbnail. Empty where it holds none, or
// not the pixels that it promises.
std::string picture_address(const Preview& preview);

}  // namespace hubcell::compare
