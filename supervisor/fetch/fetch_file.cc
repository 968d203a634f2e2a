#include "supervisor/fetch/fetch_file.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <hubcell/error.h>

#include "shared/base/log.h"
#include "shared/base/url_text.h"
#include "shared/wire/limits.h"
#include "supervisor/fetch/cache_lock.h"
#include "supervisor/fetch/confinement.h"
#include "supervisor/fetch/download.h"
#include "supervisor/fetch/files.h"
#include "supervisor/fetch/grant.h"
#include "supervisor/fetch/local_remote.h"
#include "supervisor/fetch/network_remote.h"
#include "supervisor/fetch/network_settings.h"
#include "supervisor/fetch/new_file.h"
#include "supervisor/fetch/sha256.h"
#include "supervisor/source/cache_layout.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

// torch.hub asks for as much in its documentation: "the first eight or more digits".
constexpr std::size_t kHashDigitsMin = 8;
constexpr std::size_t kUrlBytesMax = 8192;
constexpr mode_t kFileMode = 0644;

void check_url(const std::string& url) {
  const bool is_line =
      std::ranges::none_of(url, [](unsigned char byte) { return byte <= ' ' || byte == 0x7f; });
  if (!is_line || url.size() > kUrlBytesMax)
    throw Error(ErrorCode::Source,
                "download a file: its URL has spaces or control characters, or more than " +
                    std::to_string(kUrlBytesMax) + " bytes");
}

std::optional<source::FileRecord> read_record(const fs::path& file) {
  return source::FileRecord::from_text(read_whole_file(file));
}

void write_record(const fs::path& file, const source::FileRecord& record) {
  write_whole_file(file.parent_path(), file.filename(), record.to_text());
}

void check_hash(const std::string& url, const std::string& sha256, const std::string& prefix) {
  if (sha256.starts_with(prefix)) return;
  throw Error(ErrorCode::Source, "download " + without_credentials(url) +
                                     ": invalid hash value (expected \"" + prefix + "\", got \"" + sha256 +
                                     "\")");
}

wire::FetchResult result_of(std::string sha256, std::uint64_t bytes, bool was_there) {
  wire::FetchResult result;
  result.file = wire::FetchedFile{.sha256 = std::move(sha256), .bytes = bytes, .was_there = was_there};
  return result;
}

// ---- the program's own

// Whether what lies in `place` is what the job wants; why not, as a warning.
std::optional<std::string> complaint_about(const fs::path& place, const wire::FileJob& job,
                                           const fs::path& record_file, std::string& sha256) {
  const auto record = read_record(record_file);
  if (record && record->url != job.url)
    return place.string() + " came from " + without_credentials(record->url) + ": it is fetched from " +
           without_credentials(job.url) + " now";
  if (job.hash_prefix.empty() && !job.hash) return std::nullopt;
  sha256 = sha256_of_file(place);
  if (sha256.starts_with(job.hash_prefix)) return std::nullopt;
  return "the sha256 of " + place.string() + " does not begin with " + job.hash_prefix +
         ": it is fetched again";
}

void check_job(const wire::FileJob& job) {
  check_url(job.url);
  const bool is_name = !job.name.empty() && job.name != "." && job.name != ".." &&
                       job.name.find('/') == std::string::npos && job.name.find('\0') == std::string::npos;
  if (!is_name)
    throw Error(ErrorCode::Source, "download " + without_credentials(job.url) +
                                       ": there is no file name in its URL; say what to call it");
  if (!fs::path(job.folder).is_absolute())
    throw Error(ErrorCode::Source, "download into " + job.folder + ": that is no full path");
}

Confinement confinement_of(const wire::FileJob& job, const fs::path& cache_root) {
  Confinement around{.writable = {cache_root, job.folder}};
  if (!job.grant.empty()) around.writable.push_back(fs::path(job.grant).parent_path());
  around.network = is_network_url(job.url);
  if (!around.network) around.readable.push_back(local_path(job.url));
  // What is kept may be a link to another disk.
  std::error_code failed;
  const fs::path there = fs::canonical(fs::path(job.folder) / job.name, failed);
  if (job.keep && !failed) around.readable.push_back(there);
  return around;
}

// ---- a worker's

// A file among torch.hub's checkpoints is given to a worker where it certainly came from this URL, or is what its own name
// says: anybody could have put it there, and its owner may not want it read. Unless its owner said that the worker may read
// that folder.
std::optional<source::FileRecord> find_checkpoint(const wire::BlobJob& job, const fs::path& cache_root) {
  const std::string name = file_name_of(job.url);
  const fs::path place = source::checkpoints_folder(cache_root) / name;
  std::error_code failed;
  if (name.empty() || !fs::is_regular_file(place, failed)) return std::nullopt;
  const auto record = read_record(source::checkpoint_record(cache_root, name));
  std::string in_name = hash_in_name(name);
  if (in_name.size() < kHashDigitsMin) in_name.clear();
  const bool is_from_there = record && record->url == job.url;
  if (!job.checkpoints && !is_from_there && in_name.empty()) return std::nullopt;
  const std::string sha256 = sha256_of_file(place);
  const bool is_same = job.checkpoints || (is_from_there && sha256 == record->sha256) ||
                       (!in_name.empty() && sha256.starts_with(in_name));
  if (!is_same || !sha256.starts_with(job.hash_prefix)) return std::nullopt;
  grant_file(place, job.grant);
  return source::FileRecord{.url = job.url, .sha256 = sha256, .bytes = fs::file_size(place)};
}

std::optional<source::FileRecord> find_blob(const wire::BlobJob& job, const source::BlobFolder& place) {
  const auto record = read_record(place.record());
  std::error_code failed;
  if (!record || record->url != job.url || fs::file_size(place.content(), failed) != record->bytes || failed)
    return std::nullopt;
  if (!record->sha256.starts_with(job.hash_prefix)) return std::nullopt;
  grant_file(place.content(), job.grant);
  return record;
}

source::FileRecord bring_blob(const wire::BlobJob& job, const source::BlobFolder& place,
                              const HttpSettings& settings, Reporter& reporter) {
  NewFile file(place.path());
  source::FileRecord record{.url = job.url};
  record.sha256 =
      download({.url = job.url, .shown_as = file_name_of(job.url), .bytes_max = wire::kWantedFileBytesMax},
               settings, file, reporter);
  record.bytes = file.bytes();
  check_hash(job.url, record.sha256, job.hash_prefix);
  // The record comes last: without it there is no file.
  remove_tree(place.record());
  file.put_in_place(place.content().filename(), kFileMode);
  write_record(place.record(), record);
  return record;
}

std::optional<wire::FetchResult> find_there(const wire::BlobJob& job, const source::BlobFolder& place,
                                            const fs::path& cache_root) {
  if (job.refresh) return std::nullopt;
  std::optional<source::FileRecord> there;
  try {
    there = find_checkpoint(job, cache_root);
  } catch (const Error& closed) {
    log::info(std::string("look for it in checkpoints: ") +
              closed.what());  // a link to a file elsewhere, say
  }
  if (!there) there = find_blob(job, place);
  if (!there) return std::nullopt;
  return result_of(there->sha256, there->bytes, true);
}

}  // namespace

wire::FetchResult fetch_file(const wire::FileJob& job, const fs::path& cache_root, Reporter& reporter) {
  check_job(job);
  const HttpLibrary library;
  const HttpSettings settings = network_settings(wire::Origin::Caller, reporter);
  make_folders(job.folder);
  if (job.keep) make_folders(cache_root);
  confine(confinement_of(job, cache_root));
  const fs::path place = fs::path(job.folder) / job.name;
  const bool is_checkpoint = job.folder == source::checkpoints_folder(cache_root);
  const fs::path record_file = is_checkpoint ? source::checkpoint_record(cache_root, job.name) : fs::path();
  wire::FetchResult result;
  std::optional<CacheLock> lock;
  if (job.keep) lock.emplace(source::lock_of(cache_root, place), "download of " + job.name, reporter);
  std::vector<std::string> warnings;
  std::error_code failed;
  if (job.keep && fs::exists(place, failed)) {
    std::string sha256;
    const auto complaint = complaint_about(place, job, record_file, sha256);
    if (!complaint) {
      result = result_of(sha256, fs::file_size(place), true);
    } else {
      warnings.push_back(*complaint);
    }
  }
  if (!result.file) {
    NewFile file(job.folder);
    const std::string sha256 = download(
        {.url = job.url, .shown_as = job.name, .bytes_max = std::numeric_limits<std::uint64_t>::max()},
        settings, file, reporter);
    check_hash(job.url, sha256, job.hash_prefix);
    file.put_in_place(job.name, kFileMode);
    if (is_checkpoint) write_record(record_file, {.url = job.url, .sha256 = sha256, .bytes = file.bytes()});
    result = result_of(sha256, file.bytes(), false);
  }
  if (!job.grant.empty()) grant_file(place, job.grant);
  result.warnings = warnings;
  return result;
}

wire::FetchResult fetch_blob(const wire::BlobJob& job, const fs::path& cache_root, Reporter& reporter) {
  check_url(job.url);
  if (!is_network_url(job.url))
    throw Error(ErrorCode::Source,
                "download " + without_credentials(job.url) + ": a worker gets http:// and https:// alone");
  const HttpLibrary library;
  const HttpSettings settings = network_settings(wire::Origin::Worker, reporter);
  const source::BlobFolder place(cache_root, job.url);
  std::error_code failed;
  if (fs::exists(cache_root, failed) && ::access(cache_root.c_str(), W_OK) != 0) {
    // Nobody writes there: what it has can be read without a lock.
    if (const auto there = find_there(job, place, cache_root)) return *there;
  }
  make_folders(cache_root);
  confine({.readable = {source::checkpoints_folder(cache_root)},
           .writable = {cache_root, fs::path(job.grant).parent_path()},
           .network = true});
  const std::string name = file_name_of(job.url);
  const CacheLock lock(source::lock_of(cache_root, job.url), "download of " + name, reporter);
  if (const auto there = find_there(job, place, cache_root)) return *there;
  try {
    const source::FileRecord record = bring_blob(job, place, settings, reporter);
    grant_file(place.content(), job.grant);
    return result_of(record.sha256, record.bytes, false);
  } catch (const Error&) {
    if (!fs::exists(place.record(), failed)) remove_tree(place.path());
    throw;
  }
}

}  // namespace hubcell::fetch
