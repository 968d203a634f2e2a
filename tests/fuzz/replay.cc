// Runs a target on its corpus, then on inputs that are made from a number each: the same ones on every machine.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/current_input.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/target.h"

namespace hubcell::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kHangSeconds = 30;
constexpr std::uint64_t kInputsBetweenSigns = 1024;
// Of the whole process: far more than any input may cost.
constexpr rlim_t kAddressBytesMax = rlim_t{1} << 30;

ByteString read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

std::vector<fs::path> files_of(const fs::path& place) {
  if (!fs::is_directory(place)) return {place};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(place))
    files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

void write_seeds(const fs::path& folder) {
  fs::create_directories(folder);
  for (const Seed& seed : make_seeds()) {
    std::ofstream file(folder / seed.name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.bytes.data()),
               static_cast<std::streamsize>(seed.bytes.size()));
  }
}

struct Tally {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;

  void run(std::span<const std::byte> input) {
    set_current_input(input);
    (run_input(input) == Verdict::Accepted ? accepted : refused) += 1;
  }
};

ByteString make_input(std::uint64_t number, const std::vector<ByteString>& pool) {
  Random random(number);
  const bool is_new = random.one_in(2);
  ByteString input = is_new ? generate(random) : pool[random.below(pool.size())];
  const ByteString& other = pool[random.below(pool.size())];
  for (std::uint64_t changes = random.below(4) + (is_new ? 0 : 1); changes > 0; --changes)
    mutate(input, other, random);
  return input;
}

std::uint64_t inputs_wanted() {
  const char* text = std::getenv("HUBCELL_FUZZ_INPUTS");
  std::uint64_t count = HUBCELL_FUZZ_INPUTS_DEFAULT;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), count);
  return count;
}

int replay(const std::string& target, const fs::path& corpus) {
  const std::vector<fs::path> files = files_of(corpus);
  std::vector<ByteString> pool;
  Tally of_files;
  for (const fs::path& file : files) {
    pool.push_back(read_file(file));
    of_files.run(pool.back());
  }
  if (of_files.accepted == 0) {
    std::fprintf(stderr, "%s: %s holds no input that is accepted\n", target.c_str(), corpus.c_str());
    return 1;
  }
  Tally made;
  const std::uint64_t count = fs::is_directory(corpus) ? inputs_wanted() : 0;
  for (std::uint64_t number = 0; number < count; ++number) {
    const ByteString input = make_input(number, pool);
    made.run(input);
    if (number % kInputsBetweenSigns == 0) note_progress();
  }
  std::printf("%s: %zu files of the corpus (%lu accepted) and %lu made inputs: %lu accepted, %lu refused\n",
              target.c_str(), files.size(), of_files.accepted, count, made.accepted, made.refused);
  return 0;
}

}  // namespace
}  // namespace hubcell::fuzz

int main(int argc, char** argv) {
  using namespace hubcell::fuzz;
  const std::string target = fs::path(argv[0]).filename();
  if (argc == 3 && std::string(argv[1]) == "--write-seeds") {
    write_seeds(argv[2]);
    return 0;
  }
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER | FILE | --write-seeds FOLDER\n", argv[0]);
    return 2;
  }
  keep_current_input((fs::temp_directory_path() / (target + ".input")).string(), kHangSeconds);
#if !HUBCELL_FUZZ_SANITIZED
  const rlimit limit{.rlim_cur = kAddressBytesMax, .rlim_max = kAddressBytesMax};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
  return replay(target, argv[1]);
}
