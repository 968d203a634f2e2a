// What a C++ program does with weights on the web: a model whose entrypoint downloads them, and downloads of its own.
// Prints what came of each, for tests/python/supplies_test.py.
//
// usage: downloads_in_cpp URL FOLDER
#include <cstdio>
#include <filesystem>

#include <hubcell/hub.h>

int main(int, char** words) try {
  using namespace hubcell;
  const std::string url = words[1], file = std::string(words[2]) + "/net.pth";
  Hub hub({.python = "/usr/bin/python3"});
  const Object net = hub.load("owner/outer", "net", {url});
  const Value answer = net({Tensor::of<float>(DType::Float32, {1, 2}, {1, 1})});
  for (std::size_t i = 0; i < answer.tensor().count(); ++i)
    std::printf("%g ", static_cast<double>(answer.tensor().items<float>()[i]));
  hub.download_url_to_file(url, file);
  std::printf("%ju ", static_cast<std::uintmax_t>(std::filesystem::file_size(file)));
  const Value state = hub.load_state_dict_from_url(url);
  std::printf("%s ", state.describe().c_str());
  for (const CacheEntry& entry : hub.cached(url))
    std::printf("%s ", entry.kind.c_str());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
