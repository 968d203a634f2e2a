#include "worker/stored_files.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <hubcell/error.h>

namespace hubcell::worker {

namespace fs = std::filesystem;

std::string StoredFiles::store(const File& file) {
  const fs::path folder = fs::path(folder_) / std::to_string(++count_);
  const fs::path name = fs::path(file.name).filename();
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::System,
                "keep a copy of the file " + file.name + " in the worker's scratch folder: " + why);
  };
  if (name.empty() || name == "." || name == "..") fail("that is no name of a file");
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) fail(failure.message());
  std::ofstream copy(folder / name, std::ios::binary);
  copy.write(file.content.items<const char>(), static_cast<std::streamsize>(file.content.bytes()));
  copy.close();
  if (!copy) fail(std::generic_category().message(errno));
  return folder / name;
}

}  // namespace hubcell::worker
