// Writes the reports of all sample comparisons into a folder: NAME.txt and NAME.verbose.txt.
//
// usage: render_comparisons FOLDER
#include <cstdio>
#include <fstream>
#include <string>

#include <hubcell/report.h>

#include "tests/support/sample_comparisons.h"

int main(int count, char** words) {
  if (count != 2) {
    std::fputs("usage: render_comparisons FOLDER\n", stderr);
    return 2;
  }
  const std::string folder = words[1];
  for (const auto& [name, comparison] : hubcell::test::sample_comparisons()) {
    std::ofstream(folder + "/" + name + ".txt") << hubcell::compare::to_text(comparison);
    std::ofstream(folder + "/" + name + ".verbose.txt")
        << hubcell::compare::to_text(comparison, {.verbose = true});
  }
  return 0;
}
