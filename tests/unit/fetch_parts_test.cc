// Parts of the fetcher that need no remote: which addresses are public, files without a name, records.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <cstring>

#include "supervisor/fetch/addresses.h"
#include "supervisor/fetch/download.h"
#include "supervisor/fetch/new_file.h"
#include "supervisor/fetch/sha256.h"
#include "supervisor/source/cache_layout.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace hubcell::fetch {
namespace {

namespace fs = std::filesystem;

bool is_public(const std::string& text) {
  sockaddr_storage address{};
  if (text.find(':') == std::string::npos) {
    auto& four = reinterpret_cast<sockaddr_in&>(address);
    four.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &four.sin_addr), 1) << text;
  } else {
    auto& six = reinterpret_cast<sockaddr_in6&>(address);
    six.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr), 1) << text;
  }
  return fetch::is_public(reinterpret_cast<const sockaddr&>(address));
}

TEST(Addresses, TheInternetIsPublic) {
  for (const char* text :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255",
        "2606:4700::1111", "2a00::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"})
    EXPECT_TRUE(is_public(text)) << text;
}

TEST(Addresses, ThisMachineAndItsNetworksAreNot) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.9.9.9",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.168.0.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "fc00::1",
                           "fd12::1",
                           "ff02::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "64:ff9b::10.0.0.1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "2001:db8::1",
                           "2001::1",
                           "::127.0.0.1"})
    EXPECT_FALSE(is_public(text)) << text;
  sockaddr_storage local{};
  local.ss_family = AF_UNIX;
  EXPECT_FALSE(fetch::is_public(reinterpret_cast<const sockaddr&>(local)));
}

TEST(Addresses, HostsAsTheyStandInUrls) {
  for (const char* host : {"github.com", "1.1.1.1", "[2606:4700::1111]", "localhost.example.org"})
    EXPECT_TRUE(may_be_public(host)) << host;
  for (const char* host :
       {"localhost", "LocalHost.", "a.localhost", "printer", "printer.local", "db.internal", "127.0.0.1",
        "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "[fe80::1]", ""})
    EXPECT_FALSE(may_be_public(host)) << host;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string content_of(const fs::path& file) {
  std::string text(fs::file_size(file), '\0');
  std::FILE* opened = std::fopen(file.c_str(), "rb");
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), opened), text.size());
  std::fclose(opened);
  return text;
}

class NewFiles : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Kinds, NewFiles, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Unnamed" : "Named"; });

TEST_P(NewFiles, AppearWholeAndInThePlaceOfOthers) {
  const tests::TemporaryFolder folder;
  for (const std::string text : {"first", "second"}) {
    NewFile file(folder.path(), GetParam());
    file.append(bytes_of("to be cleared"));
    file.clear();
    file.append(bytes_of(text));
    EXPECT_EQ(file.bytes(), text.size());
    EXPECT_GT(file.free_bytes(), 0U);
    file.put_in_place("name", 0640);
    EXPECT_EQ(content_of(folder.path() / "name"), text);
  }
  struct stat status {};
  ASSERT_EQ(::stat((folder.path() / "name").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0137U, 0U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST_P(NewFiles, LeaveNothingWhereTheyAreGivenUp) {
  const tests::TemporaryFolder folder;
  {
    NewFile file(folder.path(), GetParam());
    file.append(bytes_of("half"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(NewFile, RemovesWhatEndedWritersLeft) {
  const tests::TemporaryFolder folder;
  folder.write(".hubcell-0123.partial", "of a process that was killed");
  const NewFile living(folder.path(), false);
  const NewFile other(folder.path(), false);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2) << "those of the living stay";
}

TEST(Sha256, IsThatOfTheStandard) {
  Sha256 hash;
  hash.add(bytes_of("ab"));
  hash.add(bytes_of("c"));
  EXPECT_EQ(hash.take(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash.take(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(FileRecord, ReadsWhatItWrites) {
  const source::FileRecord record{.url = "https://h/x", .sha256 = std::string(64, 'a'), .bytes = 12};
  const auto read = source::FileRecord::from_text(record.to_text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->url, record.url);
  EXPECT_EQ(read->bytes, 12U);
  for (const std::string& broken : {std::string(), record.to_text() + "x", record.to_text().substr(1),
                                    source::FileRecord{.url = "u", .sha256 = std::string(63, 'a')}.to_text(),
                                    source::FileRecord{.url = "u", .sha256 = std::string(64, 'g')}.to_text()})
    EXPECT_FALSE(source::FileRecord::from_text(broken)) << broken;
}

}  // namespace
}  // namespace hubcell::fetch
