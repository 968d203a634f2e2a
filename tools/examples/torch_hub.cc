#include "tools/examples/torch_hub.h"

#include <stdlib.h>

#include <bit>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <nlohmann/json.hpp>

namespace hubcell::demo {
namespace {

namespace fs = std::filesystem;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "hubcell-demo.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw Error(ErrorCode::System, "make a temporary folder " + pattern + ": not possible; set TMPDIR");
    }
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string file(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

// For a shell.
std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char letter : word)
    text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return text + "'";
}

std::string last_line_of(const std::string& path) {
  std::ifstream stream(path);
  std::string line, last = "no word of why";
  while (std::getline(stream, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

// What the command printed; Error with the last line of its stderr where it failed.
std::string output_of(const std::string& command, const std::string& stderr_file) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>" + quoted(stderr_file)).c_str(), "re"),
                                             ::pclose);
  if (!pipe) throw Error(ErrorCode::System, "start plain torch.hub: the system cannot start a shell");
  std::string output;
  char block[4096];
  while (const std::size_t count = std::fread(block, 1, sizeof block, pipe.get()))
    output.append(block, count);
  if (::pclose(pipe.release()) != 0) {
    throw Error(ErrorCode::System, "ask plain torch.hub: " + last_line_of(stderr_file));
  }
  return output;
}

Answer answer_of(const nlohmann::json& json) {
  Answer answer{.code = json.at("code").get<std::string>()};
  for (const auto& hex : json.at("numbers")) {
    const unsigned long bits = std::stoul(hex.get<std::string>(), nullptr, 16);
    answer.numbers.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  for (const auto& pair : json.at("segments")) {
    answer.segments.push_back({pair.at(0).get<std::int64_t>(), pair.at(1).get<std::int64_t>()});
  }
  return answer;
}

}  // namespace

std::vector<Answer> ask_torch_hub(const std::string& script, const std::string& kind,
                                  std::span<const float> inputs, const std::vector<std::string>& folders) {
  const TemporaryFolder temporary;
  std::ofstream(temporary.file("inputs.f32"), std::ios::binary)
      .write(reinterpret_cast<const char*>(inputs.data()), static_cast<std::streamsize>(inputs.size_bytes()));
  std::string command = "/usr/bin/python3 -B " + quoted(script);
  std::vector<std::string> words{kind, temporary.file("inputs.f32")};
  words.insert(words.end(), folders.begin(), folders.end());
  for (const std::string& word : words)
    command.append(" ").append(quoted(word));
  const std::string output = output_of(command, temporary.file("stderr"));
  std::vector<Answer> answers;
  try {
    for (const auto& json : nlohmann::json::parse(output))
      answers.push_back(answer_of(json));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::System, std::string("read the answer of plain torch.hub: ") + error.what());
  }
  return answers;
}

}  // namespace hubcell::demo
