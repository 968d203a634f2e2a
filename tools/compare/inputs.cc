#include "tools/compare/inputs.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

namespace hubcell::compare {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEndings[] = {".npy", ".npz", ".pt", ".png", ".jpg", ".jpeg", ".wav"};
constexpr std::size_t kInputsMax = 1'000'000;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_input_file(const fs::path& path) {
  const std::string ending = lower(path.extension());
  return fs::is_regular_file(path) && std::ranges::find(kEndings, ending) != std::end(kEndings);
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry.path());
  }
  std::ranges::sort(entries);
  return entries;
}

InputSpec spec_of_file(const fs::path& path) {
  return {.spec = path.filename(), .content = read_input_file(path)};
}

void add(Input& input, const std::string& name, Value value) {
  if (name.empty()) {
    input.positional.push_back(std::move(value));
  } else {
    input.named.emplace_back(name, std::move(value));
  }
}

// Makes the arguments that all inputs have; those of recipes from `seed`.
class Maker {
 public:
  Maker(Hub& hub, std::string repository, std::vector<ArgumentSpec> arguments)
      : hub_(hub), repository_(std::move(repository)), arguments_(std::move(arguments)) {
    for (const ArgumentSpec& argument : arguments_) {
      if (const auto* spec = std::get_if<InputSpec>(&argument.value)) specs_.push_back(*spec);
    }
  }

  void add_arguments(Input& input, std::uint64_t seed) const {
    std::vector<Value> made;
    if (!specs_.empty()) made = hub_.make_inputs(repository_, specs_, seed);
    auto next = made.begin();
    for (const ArgumentSpec& argument : arguments_) {
      const auto* given = std::get_if<Value>(&argument.value);
      add(input, argument.name, given != nullptr ? *given : std::move(*next++));
    }
  }

  Value make(const InputSpec& spec) const { return hub_.make_inputs(repository_, {spec}).front(); }

 private:
  Hub& hub_;
  std::string repository_;
  std::vector<ArgumentSpec> arguments_;
  std::vector<InputSpec> specs_;
};

// ---- sets of one file each

struct InputFile {
  fs::path path;
  std::optional<std::int64_t> label;
};

// The files of a folder, or of the folders in it.
std::vector<InputFile> find_files(const fs::path& folder) {
  std::vector<InputFile> files;
  std::vector<fs::path> classes;
  for (const fs::path& entry : sorted_entries(folder)) {
    if (fs::is_directory(entry)) classes.push_back(entry);
    if (is_input_file(entry)) files.push_back({.path = entry, .label = std::nullopt});
  }
  if (!files.empty()) return files;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    for (const fs::path& entry : sorted_entries(classes[label])) {
      if (is_input_file(entry)) files.push_back({.path = entry, .label = static_cast<std::int64_t>(label)});
    }
  }
  return files;
}

InputSet set_of_files(const std::shared_ptr<Maker>& maker, const fs::path& folder, std::uint64_t seed) {
  std::vector<InputFile> files = find_files(folder);
  if (files.empty()) {
    throw Error(ErrorCode::Usage, "take inputs from " + folder.string() +
                                      ": no .npy, .npz, .pt, .png, .jpg or .wav lies in it, nor in the "
                                      "folders in it");
  }
  const std::size_t count = files.size();
  return {.count = count, .make = [maker, folder, files = std::move(files), seed](std::size_t index) {
            const InputFile& file = files.at(index);
            Input input{.name = fs::relative(file.path, folder), .label = file.label};
            input.positional.push_back(maker->make(spec_of_file(file.path)));
            maker->add_arguments(input, seed);
            return input;
          }};
}

// ---- sets of the rows of arrays

struct Rows {
  std::string name;  // of the argument; empty by position
  Tensor tensor;
};

std::size_t row_count(const Tensor& tensor) {
  return tensor.shape().empty() ? 0 : static_cast<std::size_t>(tensor.shape().front());
}

Tensor row_of(const Tensor& tensor, std::size_t index) {
  std::vector<std::int64_t> shape = tensor.shape();
  shape.front() = 1;
  const std::size_t row_bytes = tensor.bytes() / row_count(tensor);
  return Tensor(tensor.dtype(), std::move(shape), tensor.owner(), tensor.data() + index * row_bytes);
}

std::vector<std::int64_t> integers_of(const Tensor& given, const std::string& path) {
  const Tensor tensor = given.contiguous();
  std::vector<std::int64_t> integers;
  for (std::size_t i = 0; i < tensor.count(); ++i) {
    if (tensor.dtype() == DType::Int64) {
      integers.push_back(tensor.items<std::int64_t>()[i]);
    } else if (tensor.dtype() == DType::Int32) {
      integers.push_back(tensor.items<std::int32_t>()[i]);
    } else if (tensor.dtype() == DType::UInt8) {
      integers.push_back(tensor.items<std::uint8_t>()[i]);
    } else {
      throw Error(ErrorCode::Usage, "take labels from " + path + ": they are " +
                                        std::string(name(tensor.dtype())) +
                                        "; int64, int32 and uint8 will do");
    }
  }
  return integers;
}

bool is_by_position(const std::string& name) {
  return name.starts_with("arr_");
}

// The arrays of a file, and its labels.
std::vector<Rows> read_rows(const Maker& maker, const fs::path& path, std::vector<std::int64_t>& labels) {
  const Value content = maker.make(spec_of_file(path));
  if (content.is<Tensor>()) return {{.name = "", .tensor = content.tensor().contiguous()}};
  std::vector<Rows> rows;
  for (const auto& [key, value] : content.as<Dict>().items) {
    if (key.text() == "labels") {
      labels = integers_of(value.tensor(), path);
    } else {
      rows.push_back(
          {.name = is_by_position(key.text()) ? "" : key.text(), .tensor = value.tensor().contiguous()});
    }
  }
  if (rows.size() == 1) rows.front().name.clear();
  return rows;
}

void check_rows(const std::vector<Rows>& rows, const fs::path& path) {
  const std::size_t count = rows.empty() ? 0 : row_count(rows.front().tensor);
  for (const Rows& array : rows) {
    if (row_count(array.tensor) == count && count != 0) continue;
    throw Error(ErrorCode::Usage, "take inputs from " + path.string() + ": its arrays have " +
                                      std::to_string(count) + " and " +
                                      std::to_string(row_count(array.tensor)) +
                                      " rows; each row of the first dimension is an input");
  }
  if (rows.empty())
    throw Error(ErrorCode::Usage, "take inputs from " + path.string() + ": it holds no arrays");
}

InputSet set_of_rows(const std::shared_ptr<Maker>& maker, const fs::path& path, std::uint64_t seed,
                     std::vector<std::int64_t>& labels) {
  std::vector<Rows> rows = read_rows(*maker, path, labels);
  check_rows(rows, path);
  const std::size_t count = row_count(rows.front().tensor);
  return {.count = count, .make = [maker, rows = std::move(rows), seed](std::size_t index) {
            Input input{.name = "row " + std::to_string(index)};
            for (const Rows& array : rows)
              add(input, array.name, row_of(array.tensor, index));
            maker->add_arguments(input, seed);
            return input;
          }};
}

// ---- sets of recipes

InputSet set_of_seeds(const std::shared_ptr<Maker>& maker, std::size_t count, std::uint64_t seed) {
  return {.count = count, .make = [maker, count, seed](std::size_t index) {
            Input input{.name = count == 1 ? "input" : "seed " + std::to_string(seed + index)};
            maker->add_arguments(input, seed + index);
            return input;
          }};
}

InputSet with_labels(InputSet set, std::vector<std::int64_t> labels) {
  if (labels.empty()) return set;
  if (labels.size() != set.count) {
    throw Error(ErrorCode::Usage, "label the inputs: there are " + std::to_string(set.count) +
                                      " inputs and " + std::to_string(labels.size()) + " labels");
  }
  set.make = [make = std::move(set.make), labels = std::move(labels)](std::size_t index) {
    Input input = make(index);
    input.label = labels.at(index);
    return input;
  };
  return set;
}

}  // namespace

std::string read_input_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::System, "read the input " + path + ": " + std::strerror(errno));
  std::string content(std::istreambuf_iterator<char>(file), {});
  if (file.bad() || content.empty())
    throw Error(ErrorCode::System, "read the input " + path + ": it is empty or no file");
  return content;
}

InputSet plan_inputs(Hub& hub, const std::string& repository, InputPlan plan) {
  const auto maker = std::make_shared<Maker>(hub, repository, std::move(plan.arguments));
  std::vector<std::int64_t> labels;
  InputSet set;
  std::error_code failure;
  if (plan.path.empty()) {
    set = set_of_seeds(maker, plan.count, plan.seed);
  } else if (fs::is_directory(plan.path, failure)) {
    set = set_of_files(maker, plan.path, plan.seed);
  } else {
    set = set_of_rows(maker, plan.path, plan.seed, labels);
  }
  if (set.count > kInputsMax)
    throw Error(ErrorCode::Usage, "compare " + std::to_string(set.count) + " inputs: at most " +
                                      std::to_string(kInputsMax) + " can be");
  return with_labels(std::move(set), plan.labels.empty() ? std::move(labels) : std::move(plan.labels));
}

std::vector<std::int64_t> read_class_labels(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::System, "read the labels " + path + ": " + std::strerror(errno));
  std::vector<std::int64_t> labels;
  for (std::string line; std::getline(file, line);) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0)
      line.pop_back();
    if (line.empty()) continue;
    std::int64_t label = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), label);
    if (error != std::errc() || end != line.data() + line.size())
      throw Error(ErrorCode::Usage, "read the labels " + path + ": '" + line.substr(0, 40) +
                                        "' is no whole number; each line is the index of an input's class");
    labels.push_back(label);
  }
  return labels;
}

}  // namespace hubcell::compare
