// Writes the reports of all sample comparisons into a folder: NAME.txt, NAME.verbose.txt and NAME.html.
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
    std::ofstream(folder + "/" + name + ".html") << hubcell::compare::to_html(comparison);
  }
  return 0;
}
