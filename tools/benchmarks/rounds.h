// The C++ side of a benchmark's participant; participant.py is the same in Python.
//
// The driver (participants.py) writes one round a line: SHAPE READS WARM_CALLS CALLS, such as "16x1024x1024 1 2 3".
// The participant makes an input of that shape, calls, and writes the nanoseconds of each of the CALLS in one line.
// READS is 1 where one number of each page of the answer is read within that time, so that pages which are mapped
// late count. Between rounds it sleeps, and takes no CPU from the participant whose turn it is.
#pragma once

#include <functional>

#include <hubcell/tensor.h>

namespace hubcell::benchmarks {

// One call of what is measured, and its answer: twice the input.
using Call = std::function<Tensor()>;

// Makes the call for an input; may be slow. The input lives as long as the call.
using MakeCall = std::function<Call(const Tensor& input)>;

// Answers rounds until standard input ends. Throws Error(Usage) on a line that is no round, and Error(System)
// on an answer that is not twice the input.
void answer_rounds(const MakeCall& make_call);

}  // namespace hubcell::benchmarks
