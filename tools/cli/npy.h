// Writes a tensor as numpy's .npy file, format version 1.0
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
#pragma once

#include <string>

#include <hubcell/tensor.h>

namespace hubcell::cli {

// The file's bytes. numpy has no bfloat16: such elements are written as float32, which holds them exactly.
std::string npy_of(const Tensor& tensor);

// Throws Error(System).
void write_file(const std::string& path, const std::string& content);

}  // namespace hubcell::cli
