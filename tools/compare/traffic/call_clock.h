// When calls began, for people, and how long they took.
#pragma once

#include <chrono>

namespace hubcell::compare {

// In seconds since the epoch. Nothing waits by it.
double time_of_day();

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace hubcell::compare
