// Names, refs, the cache's layout and look-ups, near names.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include <hubcell/error.h>

#include "supervisor/source/cache.h"
#include "supervisor/source/cache_layout.h"
#include "supervisor/source/nearest.h"
#include "supervisor/source/ref_name.h"
#include "supervisor/source/repository.h"
#include "tests/support/temporary_folder.h"

namespace hubcell::source {
namespace {

namespace fs = std::filesystem;

const std::string kOne = "5a315453c3d2b1a0f9e8d7c6b5a4938271605f4e";
const std::string kTwo = "5a31545300000000000000000000000000000000";

Repository parse(const std::string& given) {
  return parse_repository(given, "https://github.com", "/work folder");
}

// What a refused name is told; empty where it is taken.
std::string refusal_of(const std::string& given) {
  try {
    parse(given);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Source) << given;
    return error.what();
  }
  return {};
}

TEST(Repository, OwnerAndNameAreTheDefaultBranchOnGithub) {
  const Repository repository = parse("snakers4/silero-vad");
  EXPECT_EQ(repository.kind, Repository::Kind::Remote);
  EXPECT_EQ(repository.given, "snakers4/silero-vad");
  EXPECT_EQ(repository.name, "snakers4/silero-vad");
  EXPECT_EQ(repository.url, "https://github.com/snakers4/silero-vad.git");
  EXPECT_FALSE(repository.ref);
}

TEST(Repository, TheRefFollowsTheFirstColonOrAtSign) {
  EXPECT_EQ(parse("pytorch/vision:v0.10.0").ref, "v0.10.0");
  EXPECT_EQ(parse("pytorch/vision@v0.10.0").ref, "v0.10.0");
  EXPECT_EQ(parse("pytorch/vision@release/0.10").ref, "release/0.10");
  EXPECT_EQ(parse("pytorch/vision:refs/tags/v1@2").ref, "refs/tags/v1@2");
  EXPECT_EQ(parse("pytorch/vision@release/0.10").name, "pytorch/vision");
  EXPECT_EQ(parse("pytorch/vision@release/0.10").url, "https://github.com/pytorch/vision.git");
}

TEST(Repository, TheBaseUrlStandsForGithub) {
  EXPECT_EQ(parse_repository("a/b@c", "file:///srv/mirrors/", "/").url, "file:///srv/mirrors/a/b.git");
  EXPECT_EQ(parse_repository("a/b.git", "file:///srv", "/").url, "file:///srv/a/b.git");
  EXPECT_THROW(parse_repository("a/b", "/srv/mirrors", "/"), Error);
}

TEST(Repository, UrlsKeepAtSignsBeforeTheirPath) {
  const Repository ssh = parse("ssh://git@host:22/o/x.git@feat/y");
  EXPECT_EQ(ssh.url, "ssh://git@host:22/o/x.git");
  EXPECT_EQ(ssh.name, ssh.url);
  EXPECT_EQ(ssh.ref, "feat/y");
  EXPECT_FALSE(parse("https://me@host/x.git").ref);
  EXPECT_EQ(parse("https://host/x.git@v1").ref, "v1");
  EXPECT_EQ(parse("file:///srv/x.git@v1").url, "file:///srv/x.git");
  EXPECT_EQ(parse("file:///srv/x.git/").url, "file:///srv/x.git");
}

TEST(Repository, WhatGoesOverSshIsToldByTheUrl) {
  for (const char* url : {"ssh://host/x.git", "SSH://me@host:22/x.git", "git@host:o/x.git", "me@[::1]:x"})
    EXPECT_TRUE(is_ssh_url(url)) << url;
  for (const char* url :
       {"https://me@host/x.git", "file:///ssh:/a@b:c", "git://host/x.git", "sshx://host/x", ""})
    EXPECT_FALSE(is_ssh_url(url)) << url;
}

TEST(Repository, TheScpFormIsARemote) {
  const Repository repository = parse("git@host:o/x.git@v1");
  EXPECT_EQ(repository.url, "git@host:o/x.git");
  EXPECT_EQ(repository.ref, "v1");
  EXPECT_FALSE(parse("git@host:o/x.git").ref);
}

TEST(Repository, FoldersAreLocalAndKnowTheWorkingFolder) {
  const Repository relative = parse("./models/../net");
  EXPECT_EQ(relative.kind, Repository::Kind::Local);
  EXPECT_EQ(relative.name, "./models/../net");
  EXPECT_EQ(relative.folder, "/work folder/net");
  EXPECT_EQ(parse("..").folder, "/");
  EXPECT_EQ(parse(".").folder, "/work folder");
  EXPECT_EQ(parse("/a/b c@d/").folder, "/a/b c@d");
  EXPECT_FALSE(parse("/a/b@c").ref) << "folders have no refs";
  EXPECT_THROW(parse_repository("./x", "https://github.com", ""), Error);
}

TEST(Repository, BadNamesAreRefusedInOneLineThatSaysWhatToDo) {
  const std::vector<std::pair<std::string, std::string>> bad{
      {"", "empty"},
      {"resnet", "not owner/name"},
      {"a/b/c", "more than one '/'"},
      {"a/b c", "no spaces"},
      {"a/b\nc", "no spaces or control characters"},
      {std::string("a/b\0c", 5), "zero byte"},
      {std::string("/a\0b", 4), "zero byte"},
      {"-a/b", "begin with '-'"},
      {"a/-b", "begins with '-'"},
      {"a/..", "'..' is no name"},
      {"~/net", "full path"},
      {"a/b:", "no ref follows ':'"},
      {"a/b@", "no ref follows '@'"},
      {"file:///x.git@", "no ref follows '@'"},
      {"a/b@x..y", "'..'"},
      {"a/b@-x", "begins with '-'"},
      {"a/b:c:d", "has a ':'"},
      {"a/b@/x", "empty part"},
      {"a/b@x.lock", "'.lock'"},
      {"a/b@x/.y", "begins with '.'"},
      {"a/b@x^{}", "has a '^'"},
      {"a/b@@{-1}", "'@{'"},
      {"a/b@\x7f", "control characters"},
      {"ftp://host/x.git", "no 'ftp' remotes"},
      {"https://host", "names no repository"},
      {"https://host/", "names no repository"},
      {"file://x/y.git", "full path"},
      {"file:///a/../b", "'..'"},
      {"https://me:secret@host/x", "password"},
      {std::string(5000, 'a'), "longer than"},
  };
  for (const auto& [given, words] : bad) {
    const std::string message = refusal_of(given);
    EXPECT_NE(message.find(words), std::string::npos) << given << " -> " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_LT(message.size(), 600U);
  }
  EXPECT_EQ(refusal_of("https://me:secret@host/x").find("secret"), std::string::npos);
}

TEST(RefName, HexadecimalDigitsMayBeginACommit) {
  EXPECT_TRUE(may_begin_commit("5a31545"));
  EXPECT_TRUE(may_begin_commit("5A31545"));
  EXPECT_FALSE(may_begin_commit("5a3154"));
  EXPECT_FALSE(may_begin_commit("5a3154x"));
  EXPECT_FALSE(may_begin_commit(kOne + "0"));
  EXPECT_TRUE(is_commit(kOne));
  EXPECT_FALSE(is_commit(kOne.substr(1)));
  EXPECT_FALSE(is_commit("5A" + kOne.substr(2)));
}

TEST(CacheRoot, IsFoundInTorchHubsOrder) {
  EXPECT_EQ(cache_root("", {{"TORCH_HOME", "/t"}, {"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}}),
            "/t/hub/hubcell");
  EXPECT_EQ(cache_root("", {{"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}}), "/x/torch/hub/hubcell");
  EXPECT_EQ(cache_root("", {{"HOME", "/h"}}), "/h/.cache/torch/hub/hubcell");
  EXPECT_EQ(cache_root("", {{"TORCH_HOME", "~/t"}, {"HOME", "/h"}}), "/h/t/hub/hubcell");
  EXPECT_EQ(cache_root("", {{"TORCH_HOME", ""}, {"HOME", "/h"}}), "/h/.cache/torch/hub/hubcell");
  EXPECT_TRUE(cache_root("", {}).starts_with('/'));
  EXPECT_THROW(cache_root("", {{"TORCH_HOME", "relative"}}), Error);
  EXPECT_EQ(cache_root("/named", {{"TORCH_HOME", "/t"}}), "/named/hubcell");
  EXPECT_THROW(cache_root("relative", {{"TORCH_HOME", "/t"}}), Error);
}

TEST(CacheLayout, TextsThatDifferHavePathsThatDiffer) {
  const std::vector<std::string> texts{"a/b",
                                       "a_b",
                                       "a:b",
                                       "a+b",
                                       "a=2Fb",
                                       "a%b",
                                       "a b",
                                       ".",
                                       "..",
                                       ".new",
                                       "a/../b",
                                       "A/b",
                                       "~",
                                       "HEAD",
                                       std::string(200, 'a'),
                                       std::string(200, 'a') + "/b",
                                       std::string(999, '/'),
                                       std::string(998, '/') + "x"};
  std::set<fs::path> paths;
  for (const std::string& text : texts) {
    const fs::path path = path_of_text(text);
    EXPECT_TRUE(paths.insert(path).second) << text;
    EXPECT_TRUE(path.is_relative());
    for (const fs::path& part : path) {
      EXPECT_LE(part.native().size(), 240U);
      EXPECT_FALSE(part.native().starts_with('.')) << text;
    }
  }
  EXPECT_EQ(path_of_text("https://github.com/a/b.git"), "https+__github.com_a_b.git");
}

TEST(CacheLayout, AnIndexEntrySurvivesItsTextAndNothingElseIsOne) {
  const IndexEntry entry{.ref = "feat/x y", .commit = kOne};
  const std::string text = entry.to_text();
  ASSERT_TRUE(IndexEntry::from_text(text));
  EXPECT_EQ(IndexEntry::from_text(text)->ref, "feat/x y");
  EXPECT_EQ(IndexEntry::from_text(text)->commit, kOne);
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(IndexEntry::from_text(text.substr(0, length))) << length;
  EXPECT_FALSE(IndexEntry::from_text(text + "\n"));
  EXPECT_FALSE(IndexEntry::from_text("hubcell index 10\nref a\ncommit " + kOne + "\n"));
  EXPECT_FALSE(IndexEntry::from_text("hubcell index 1\nref a\ncommit ../../" + kOne.substr(6) + "\n"));
}

class FindCached : public testing::Test {
 protected:
  FindCached() : place_(root_.path(), kUrl) {}

  void add(const std::string& ref, const std::string& commit) {
    fs::create_directories(place_.checkout(commit));
    fs::create_directories(place_.index());
    std::ofstream(place_.index_entry(ref)) << IndexEntry{.ref = ref, .commit = commit}.to_text();
  }
  std::optional<Cached> find(const std::optional<std::string>& ref) const {
    return find_cached(root_.path(), kUrl, ref);
  }

  static constexpr const char* kUrl = "file:///srv/x.git";
  tests::TemporaryFolder root_;
  RepositoryFolder place_;
};

TEST_F(FindCached, NothingIsFoundInAnEmptyCacheAndNothingIsWritten) {
  EXPECT_FALSE(find(std::nullopt));
  EXPECT_FALSE(find("main"));
  EXPECT_FALSE(find(kOne));
  EXPECT_TRUE(fs::is_empty(root_.path()));
}

TEST_F(FindCached, ARefIsFoundWithItsCommitAndFolder) {
  add("feat/x", kOne);
  const auto cached = find("feat/x");
  ASSERT_TRUE(cached);
  EXPECT_EQ(cached->ref, "feat/x");
  EXPECT_EQ(cached->commit, kOne);
  EXPECT_EQ(cached->folder, place_.checkout(kOne));
  EXPECT_FALSE(find("feat"));
  EXPECT_FALSE(find(std::nullopt));
  EXPECT_FALSE(find_cached(root_.path(), "file:///srv/y.git", "feat/x"));
}

TEST_F(FindCached, NoRefIsTheDefaultBranchOfTheLastFetch) {
  add("main", kOne);
  fs::copy_file(place_.index_entry("main"), place_.index_entry(std::nullopt));
  ASSERT_TRUE(find(std::nullopt));
  EXPECT_EQ(find(std::nullopt)->ref, "main");
  EXPECT_EQ(find("HEAD")->commit, kOne);
}

TEST_F(FindCached, ACommitIsFoundByItsFirstDigitsWhereTheyBeginOneOnly) {
  add("main", kOne);
  EXPECT_EQ(find(kOne)->commit, kOne);
  EXPECT_EQ(find("5A31545")->commit, kOne);
  EXPECT_EQ(find("5a31545")->ref, "5a31545");
  EXPECT_FALSE(find("5a3154")) << "too few digits";
  add("dev", kTwo);
  EXPECT_FALSE(find("5a31545")) << "two commits";
  EXPECT_EQ(find("5a315453c")->commit, kOne);
}

TEST_F(FindCached, ARefThatLooksLikeACommitIsARef) {
  add("5a31545", kTwo);
  fs::create_directories(place_.checkout(kOne));
  EXPECT_EQ(find("5a31545")->commit, kTwo);
}

TEST_F(FindCached, WhatIsNotWholeIsNotFound) {
  add("main", kOne);
  fs::remove(place_.checkout(kOne));
  EXPECT_FALSE(find("main")) << "its checkout was removed";
  add("main", kOne);
  std::ofstream(place_.index_entry("main")) << "hubcell index 1\nref main\ncomm";
  EXPECT_FALSE(find("main"));
  fs::create_directories(place_.checkouts() / (kTemporaryPrefix + kTwo));
  EXPECT_FALSE(find(kTwo));
}

TEST(Nearest, NamesAreOfferedByDistance) {
  const std::vector<std::string> names{"main", "master", "v0.10.0", "v0.9.0", "release/1.0"};
  EXPECT_EQ(nearest_names("maim", names), std::vector<std::string>{"main"});
  EXPECT_EQ(nearest_names("MAIN", names), std::vector<std::string>{"main"});
  EXPECT_EQ(nearest_names("v0.10", names), std::vector<std::string>{"v0.10.0"});
  EXPECT_EQ(nearest_names("v0.8.0", names).front(), "v0.9.0");
  EXPECT_TRUE(nearest_names("entirely", names).empty());
  EXPECT_TRUE(nearest_names("", names).empty());
  EXPECT_EQ(nearest_names("v1", {"v2", "v3", "v4", "v5"}).size(), 3U);
}

TEST(Nearest, TheQuestionNamesThemAll) {
  EXPECT_EQ(did_you_mean({}), "");
  EXPECT_EQ(did_you_mean({"main"}), " (did you mean 'main'?)");
  EXPECT_EQ(did_you_mean({"a", "b", "c"}), " (did you mean 'a', 'b' or 'c'?)");
}

}  // namespace
}  // namespace hubcell::source
