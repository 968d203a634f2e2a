// Archives that somebody else made, unpacked.
#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <string>
#include <vector>

#include "supervisor/fetch/archive.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string path;
  unsigned type = AE_IFREG;
  std::string content = {};  // of a link: where it leads
  mode_t rights = 0644;
};

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t count) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

// .tar.gz
std::string packed(const std::vector<Entry>& entries) {
  std::string bytes;
  archive* writer = ::archive_write_new();
  ::archive_write_add_filter_gzip(writer);
  ::archive_write_set_format_pax_restricted(writer);
  ::archive_write_open(writer, &bytes, nullptr, append, nullptr);
  for (const Entry& entry : entries) {
    archive_entry* header = ::archive_entry_new();
    ::archive_entry_set_pathname(header, entry.path.c_str());
    ::archive_entry_set_perm(header, entry.rights);
    ::archive_entry_set_size(header, 0);
    if (entry.type == 0) {
      ::archive_entry_set_hardlink(header, entry.content.c_str());
    } else {
      ::archive_entry_set_filetype(header, entry.type);
      if (entry.type == AE_IFLNK) ::archive_entry_set_symlink(header, entry.content.c_str());
      if (entry.type == AE_IFREG)
        ::archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
    }
    ::archive_write_header(writer, header);
    if (entry.type == AE_IFREG) ::archive_write_data(writer, entry.content.data(), entry.content.size());
    ::archive_entry_free(header);
  }
  ::archive_write_close(writer);
  ::archive_write_free(writer);
  return bytes;
}

void unpack(const std::string& bytes, const fs::path& folder) {
  std::size_t place = 0;
  unpack_archive(
      [&](std::span<std::byte> buffer) {
        const std::size_t count = std::min({buffer.size(), bytes.size() - place, std::size_t{5000}});
        std::memcpy(buffer.data(), bytes.data() + place, count);
        place += count;
        return count;
      },
      folder);
}

::testing::AssertionResult says(const std::string& message, const std::string& part) {
  if (message.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << message << "' does not say '" << part << "'";
}

std::string refusal(const std::string& bytes) {
  const tests::TemporaryFolder folder;
  fs::create_directory(folder.path() / "in");
  const std::string message = tests::error_of([&] { unpack(bytes, folder.path() / "in"); }).what();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1) << "something was written beside it";
  return message;
}

TEST(Archive, FilesFoldersAndLinksAreMade) {
  const tests::TemporaryFolder folder;
  unpack(packed({{.path = "net-1/", .type = AE_IFDIR, .rights = 0755},
                 {.path = "net-1/hubconf.py", .content = "x = 1\n"},
                 {.path = "net-1/a b/" + std::string(180, 'n'), .content = std::string(100'000, 'x')},
                 {.path = "net-1/run", .content = "#!", .rights = 0755},
                 {.path = "net-1/a b/back", .type = AE_IFLNK, .content = "../run"},
                 {.path = "net-1/empty/", .type = AE_IFDIR}}),
         folder.path());
  EXPECT_EQ(fs::file_size(folder.path() / "a b" / std::string(180, 'n')), 100'000U);
  EXPECT_EQ(fs::read_symlink(folder.path() / "a b/back"), "../run");
  EXPECT_TRUE(fs::is_directory(folder.path() / "empty"));
  EXPECT_NE(fs::status(folder.path() / "run").permissions() & fs::perms::owner_exec, fs::perms::none);
  EXPECT_EQ(fs::status(folder.path() / "hubconf.py").permissions() & fs::perms::owner_exec, fs::perms::none);
}

TEST(Archive, NothingLeadsOutOfIt) {
  EXPECT_TRUE(says(refusal(packed({{.path = "net/../../x"}})), "a path leads out"));
  EXPECT_TRUE(says(refusal(packed({{.path = "/etc/x"}})), "a path leads out"));
  EXPECT_TRUE(says(refusal(packed({{.path = "net/.GIT/config"}})), "a path has .git in it"));
  EXPECT_TRUE(says(refusal(packed({{.path = "net/l", .type = AE_IFLNK, .content = "/etc/passwd"}})),
                   "a link leads out"));
  EXPECT_TRUE(
      says(refusal(packed({{.path = "net/l", .type = AE_IFLNK, .content = "../x"}})), "a link leads out"));
  EXPECT_TRUE(says(refusal(packed({{.path = "net/a/b/c/", .type = AE_IFDIR},
                                   {.path = "net/a/b/c/up", .type = AE_IFLNK, .content = "../../.."},
                                   {.path = "net/l", .type = AE_IFLNK, .content = "a/b/c/up/.."}})),
                   "links lead out"));
  EXPECT_TRUE(
      says(refusal(packed({{.path = "net/l", .type = AE_IFLNK, .content = "."}, {.path = "net/l/x"}})),
           "File exists"))
      << "no path goes through a link";
}

TEST(Archive, OtherKindsAndNamesThatComeTwiceAreRefused) {
  EXPECT_TRUE(
      says(refusal(packed({{.path = "net/h", .type = 0, .content = "/etc/passwd"}})), "it has a hard link"));
  EXPECT_TRUE(says(refusal(packed({{.path = "net/d", .type = AE_IFCHR}})), "no file, folder or link"));
  EXPECT_TRUE(says(refusal(packed({{.path = "net/f", .type = AE_IFIFO}})), "no file, folder or link"));
  EXPECT_TRUE(says(refusal(packed({{.path = "net/x"}, {.path = "net/x"}})), "File exists"));
  EXPECT_TRUE(says(refusal(packed({{.path = "net"}})), "in the place of its folder"));
}

TEST(Archive, BombsAndBrokenOnesAreRefused) {
  EXPECT_TRUE(
      says(refusal(packed({{.path = "net/zeros", .content = std::string(std::size_t{100} << 20U, 0)}})),
           "it is a bomb"));
  std::string noise(200'000, 0);
  unsigned state = 1;
  for (char& letter : noise)
    letter = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  const std::string whole = packed({{.path = "net/x", .content = noise}});
  EXPECT_TRUE(says(refusal(whole.substr(0, whole.size() / 2)), "runcated"));
  EXPECT_TRUE(says(refusal("<html>" + std::string(5000, ' ')), "Unrecognized archive format"));
}

TEST(Archive, WhatItsReaderThrowsArrives) {
  const tests::TemporaryFolder folder;
  const Error error = tests::error_of([&] {
    unpack_archive(
        [](std::span<std::byte>) -> std::size_t { throw Error(ErrorCode::Source, "the line broke"); },
        folder.path());
  });
  EXPECT_STREQ(error.what(), "the line broke");
}

}  // namespace
}  // namespace hubcell::fetch
