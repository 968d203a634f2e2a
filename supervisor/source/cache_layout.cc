#include "supervisor/source/cache_layout.h"

#include <cctype>
#include <charconv>
#include <string_view>

#include "supervisor/source/ref_name.h"

namespace hubcell::source {
namespace {

// File systems allow 255 bytes; the temporary prefix and the folders' mark need some of them.
constexpr std::size_t kFileNameBytesMax = 200;
constexpr char kContinuesMark = '~';
constexpr std::string_view kFirstLine = "hubcell index 1";
constexpr std::string_view kFirstLineOfRecord = "hubcell file 1";
constexpr std::size_t kSha256Digits = 64;

std::string encoded(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  if (std::isalnum(byte) != 0 || letter == '-' || letter == '.') return {letter};
  if (letter == '/') return "_";
  if (letter == ':') return "+";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'=', kDigits[byte / 16U], kDigits[byte % 16U]};
}

std::optional<std::string> take_line(std::string_view& text, std::string_view label) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(label)) return std::nullopt;
  std::string line(text.substr(label.size(), end - label.size()));
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

RepositoryFolder::RepositoryFolder(const std::filesystem::path& cache_root, const std::string& url)
    : path_(cache_root / "repositories" / path_of_text(url)) {}

std::filesystem::path RepositoryFolder::index_entry(const std::optional<std::string>& ref) const {
  return index() / path_of_text(ref.value_or(kDefaultRef));
}

std::string IndexEntry::to_text() const {
  return std::string(kFirstLine) + "\nref " + ref + "\ncommit " + commit + "\n";
}

std::optional<IndexEntry> IndexEntry::from_text(const std::string& text) {
  std::string_view rest = text;
  const auto first = take_line(rest, kFirstLine);
  const auto ref = take_line(rest, "ref ");
  const auto commit = take_line(rest, "commit ");
  if (!first || !first->empty() || !ref || !commit || !rest.empty() || !is_commit(*commit))
    return std::nullopt;
  return IndexEntry{.ref = *ref, .commit = *commit};
}

BlobFolder::BlobFolder(const std::filesystem::path& cache_root, const std::string& url)
    : path_(cache_root / "blobs" / path_of_text(url)) {}

std::filesystem::path bytecode_beside(const std::filesystem::path& checkout) {
  return checkout.parent_path().parent_path() / "bytecode" / checkout.filename();
}

std::filesystem::path checkpoints_folder(const std::filesystem::path& cache_root) {
  return cache_root.parent_path() / "checkpoints";
}

std::filesystem::path checkpoint_record(const std::filesystem::path& cache_root, const std::string& name) {
  return cache_root / "checkpoints" / path_of_text(name);
}

std::filesystem::path lock_of(const std::filesystem::path& cache_root, const std::string& what) {
  return cache_root / "locks" / path_of_text(what);
}

std::filesystem::path grants_folder(const std::filesystem::path& cache_root) {
  return cache_root / "grants";
}

std::string FileRecord::to_text() const {
  return std::string(kFirstLineOfRecord) + "\nurl " + url + "\nsha256 " + sha256 + "\nbytes " +
         std::to_string(bytes) + "\n";
}

std::optional<FileRecord> FileRecord::from_text(const std::string& text) {
  std::string_view rest = text;
  const auto first = take_line(rest, kFirstLineOfRecord);
  const auto url = take_line(rest, "url ");
  const auto sha256 = take_line(rest, "sha256 ");
  const auto bytes = take_line(rest, "bytes ");
  if (!first || !first->empty() || !url || !sha256 || !bytes || !rest.empty()) return std::nullopt;
  FileRecord record{.url = *url, .sha256 = *sha256};
  const auto [end, failed] = std::from_chars(bytes->data(), bytes->data() + bytes->size(), record.bytes);
  const bool is_hash = record.sha256.size() == kSha256Digits &&
                       record.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (failed != std::errc() || end != bytes->data() + bytes->size() || !is_hash) return std::nullopt;
  return record;
}

std::filesystem::path path_of_text(const std::string& text) {
  std::filesystem::path folders;
  std::string name;
  for (const char letter : text) {
    // A name that began with '.' could be hidden, "..", or look like something temporary.
    std::string next = name.empty() && letter == '.' ? "=2E" : encoded(letter);
    if (name.size() + next.size() > kFileNameBytesMax) {
      folders /= name + kContinuesMark;
      name.clear();
    }
    name += next;
  }
  return folders / name;
}

std::string text_of_path(const std::filesystem::path& path) {
  std::string encoded_text;
  for (const std::filesystem::path& part : path) {
    encoded_text += part;
    if (encoded_text.ends_with(kContinuesMark)) encoded_text.pop_back();
  }
  std::string text;
  for (std::size_t i = 0; i < encoded_text.size(); ++i) {
    const char letter = encoded_text[i];
    unsigned char byte = 0;
    const char* digits = encoded_text.data() + i + 1;
    if (letter == '=' && i + 2 < encoded_text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      text += static_cast<char>(byte);
      i += 2;
    } else {
      text += letter == '_' ? '/' : letter == '+' ? ':' : letter;
    }
  }
  return text;
}

}  // namespace hubcell::source
