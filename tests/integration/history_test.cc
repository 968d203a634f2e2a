// What lies between two commits, as a program gets it: read by the real fetcher in repositories that git makes.
#include <hubcell/hub.h>

#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/fetch_fixture.h"

namespace hubcell {
namespace {

namespace fs = std::filesystem;
using fetch::says;
using tests::error_of;

class HistoryTest : public fetch::Fetch {
 protected:
  std::string at(const std::string& ref) const { return url() + "@" + ref; }
  History between(const std::string& a, const std::string& b) { return hub_.history(at(a), at(b)); }
  std::string commit_file(const std::string& name, const std::string& content, const std::string& message) {
    write(name, content);
    return commit(message);
  }
  void in_remote(const std::vector<std::string>& arguments) const { fetch::git(remote(), arguments); }

  Hub hub_{{.hub_folder = cache(), .socket = ""}};
};

std::vector<std::string> ids_of(const std::vector<Commit>& commits) {
  std::vector<std::string> ids;
  for (const Commit& commit : commits)
    ids.push_back(commit.id);
  return ids;
}

const FileChange& file_of(const History& history, const std::string& path) {
  static const FileChange none{};
  const auto found = std::ranges::find(history.files, path, &FileChange::path);
  if (found != history.files.end()) return *found;
  ADD_FAILURE() << path << " is not among the files";
  return none;
}

TEST_F(HistoryTest, ALineOfCommitsIsToldNewestFirstWithItsPeopleAndParents) {
  const std::string second = commit_file("a.txt", "1\n2\n3\n", "second\n\nof two paragraphs");
  const std::string third = commit_file("a.txt", "1\n3\n4\n5\n", "third");
  const History history = between(first_, "trunk");
  EXPECT_EQ(history.a, first_);
  EXPECT_EQ(history.b, third);
  EXPECT_EQ(history.merge_base, first_);
  EXPECT_EQ(history.only_a, 0U);
  EXPECT_EQ(history.only_b, 2U);
  ASSERT_EQ(ids_of(history.commits), (std::vector{third, second}));
  EXPECT_EQ(history.commits[1].subject, "second");
  EXPECT_EQ(history.commits[1].author, "a <a@localhost>");
  EXPECT_EQ(history.commits[1].parents, std::vector{first_});
  EXPECT_GT(history.commits[1].time, 1'700'000'000);
  EXPECT_EQ(history.tips[0].subject, "first");
  EXPECT_EQ(history.tips[1].subject, "third");
  const FileChange& added = file_of(history, "a.txt");
  EXPECT_EQ(added.status, 'A');
  EXPECT_EQ(added.added, 4U);
  EXPECT_EQ(history.files_changed, 1U);
  EXPECT_EQ(history.lines_added, 4U);

  const History of_third = hub_.changes(at(third));
  EXPECT_EQ(of_third.a, second);
  EXPECT_EQ(ids_of(of_third.commits), std::vector{third});
  EXPECT_EQ(file_of(of_third, "a.txt").status, 'M');
  EXPECT_EQ(of_third.lines_added, 2U);
  EXPECT_EQ(of_third.lines_removed, 1U);
}

TEST_F(HistoryTest, ACommitWithoutParentsHasAddedItsFiles) {
  const History history = hub_.changes(at(first_));
  EXPECT_EQ(history.a, "");
  EXPECT_EQ(history.b, first_);
  EXPECT_EQ(history.only_b, 1U);
  EXPECT_EQ(file_of(history, "hubconf.py").status, 'A');
}

TEST_F(HistoryTest, OfAMergeTheSidesOwnCommitsAreTold) {
  in_remote({"checkout", "--quiet", "-b", "side"});
  const std::string left = commit_file("left", "l", "left");
  in_remote({"checkout", "--quiet", "trunk"});
  const std::string right = commit_file("right", "r", "right");
  in_remote({"merge", "--quiet", "--no-edit", "side"});
  const std::string merge = fetch::git(remote(), {"rev-parse", "HEAD"});

  const History all = between(first_, "trunk");
  EXPECT_EQ(all.only_b, 3U);
  EXPECT_EQ(all.commits.front().id, merge);
  EXPECT_EQ(all.commits.front().parents, (std::vector{right, left}));

  const History apart = between("side", right);
  EXPECT_EQ(apart.merge_base, first_);
  EXPECT_EQ(apart.only_a, 1U);
  EXPECT_EQ(ids_of(apart.commits), std::vector{right});
  EXPECT_EQ(file_of(apart, "left").status, 'D');

  const History back = between("trunk", "side");
  EXPECT_EQ(back.merge_base, left);
  EXPECT_EQ(back.only_a, 2U);
  EXPECT_EQ(back.only_b, 0U);
  EXPECT_TRUE(back.commits.empty());
}

TEST_F(HistoryTest, RenamesAndBinaryFilesAreTold) {
  std::string text;
  for (int line = 0; line < 50; ++line)
    text += "line " + std::to_string(line) + "\n";
  commit_file("old name.py", text, "text");
  const std::string before = commit_file("weights.pt", std::string("\0\1\2", 3), "weights");
  in_remote({"mv", "old name.py", "new.py"});
  write("weights.pt", std::string("\0\3\2\n", 4));
  write("new.py", text + "one more\n");
  fs::remove(remote() / "hubconf.py");
  fs::create_symlink("new.py", remote() / "hubconf.py");
  commit("moves");
  const History history = between(before, "trunk");
  const FileChange& renamed = file_of(history, "new.py");
  EXPECT_EQ(renamed.status, 'R');
  EXPECT_EQ(renamed.old_path, "old name.py");
  EXPECT_EQ(renamed.added, 1U);
  EXPECT_EQ(renamed.removed, 0U);
  const FileChange& weights = file_of(history, "weights.pt");
  EXPECT_TRUE(weights.is_binary);
  EXPECT_EQ(weights.status, 'M');
  EXPECT_EQ(weights.added + weights.removed, 0U);
  EXPECT_EQ(file_of(history, "hubconf.py").status, 'T');
}

TEST_F(HistoryTest, HistoriesWithoutACommonCommitHaveNoMergeBase) {
  in_remote({"checkout", "--quiet", "--orphan", "other"});
  const std::string other = commit_file("b", "b", "other");
  const History history = between("trunk", "other");
  EXPECT_EQ(history.merge_base, "");
  EXPECT_EQ(history.only_a, 1U);
  EXPECT_EQ(ids_of(history.commits), std::vector{other});
}

TEST_F(HistoryTest, TheSameCommitTwiceHasNothingBetween) {
  const History history = between("trunk", first_);
  EXPECT_EQ(history.a, history.b);
  EXPECT_EQ(history.merge_base, first_);
  EXPECT_EQ(history.only_b, 0U);
  EXPECT_TRUE(history.files.empty());
}

TEST_F(HistoryTest, TextOfAnyEncodingIsOneShortLine) {
  const std::string subject = "caf\xe9 \x1b[31m" + std::string(400, 'x');
  in_remote(
      {"-c", "i18n.commitEncoding=ISO-8859-1", "commit", "--quiet", "--allow-empty", "--message", subject});
  commit_file("caf\xe9\n.txt", "1\n", "a path");
  const History history = between(first_, "trunk");
  ASSERT_EQ(history.commits.size(), 2U);
  EXPECT_EQ(history.commits[1].subject, ("caf\xe9  [31m" + subject).substr(0, 10) + subject.substr(10, 190));
  EXPECT_EQ(history.files.at(0).path, "caf\xe9 .txt");
}

TEST_F(HistoryTest, MoreFilesThanAreListedAreCounted) {
  for (int i = 0; i < 1005; ++i)
    write("f/" + std::to_string(i), "1\n2\n");
  commit("many");
  const History history = between(first_, "trunk");
  EXPECT_EQ(history.files.size(), 1000U);
  EXPECT_EQ(history.files_changed, 1005U);
  EXPECT_EQ(history.lines_added, 2010U);
}

// Which begins where its history was cut off.
TEST_F(HistoryTest, AShallowCloneHasTheHistoryThatItHas) {
  const std::string second = commit_file("a", "1\n", "second");
  const std::string third = commit_file("a", "2\n", "third");
  in_remote({"clone", "--quiet", "--depth", "2", url(), (folder_.path() / "shallow").string()});
  const std::string shallow = "file://" + (folder_.path() / "shallow").string();
  const History history = hub_.history(shallow + "@" + second, shallow + "@" + third);
  EXPECT_EQ(ids_of(history.commits), std::vector{third});
  EXPECT_EQ(history.merge_base, second);
}

// A load of that ref gets the old commit, too.
TEST_F(HistoryTest, WhatTheCacheKnowsOfARefIsWhatIsMeant) {
  wire::FetchJob load = job("trunk");
  load.cache_root = hub_.cache_folder();
  EXPECT_TRUE(fetch::Fetcher(load).result().ok());
  commit("moved");
  EXPECT_EQ(between("trunk", "trunk").b, first_);
}

TEST_F(HistoryTest, WhatHasNoHistoryIsRefusedInOneLine) {
  fs::create_directory(folder_.path() / "second");
  in_remote({"clone", "--quiet", url(), (folder_.path() / "second").string()});
  const std::string second = "file://" + (folder_.path() / "second").string();
  const auto refusal = [&](const std::string& a, const std::string& b, ErrorCode code) {
    const Error error = error_of([&] { hub_.history(a, b); });
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return std::string(error.what());
  };
  EXPECT_TRUE(
      says(refusal(at("trunk"), second + "@trunk", ErrorCode::Usage), "they are of two repositories"));
  EXPECT_TRUE(says(refusal(remote(), remote(), ErrorCode::Usage), "file://" + remote().string() + "@REF"));
  EXPECT_TRUE(says(refusal(at("trunk"), at("trnk"), ErrorCode::Source), "did you mean 'trunk'?"));
  EXPECT_TRUE(says(refusal(at("trunk"), at(std::string(40, 'a')), ErrorCode::Source),
                   "no branch or tag of " + url() + " contains the commit"));
  const std::string nothing = "file://" + (folder_.path() / "nothing").string();
  EXPECT_TRUE(says(refusal(nothing, nothing, ErrorCode::Source), "there is no such folder"));
}

}  // namespace
}  // namespace hubcell
