// Which ref a fetch chooses, and what it says where there is nothing to choose.
#include "tests/support/fetch_fixture.h"

namespace hubcell::fetch {
namespace {

TEST_F(Fetch, TheDefaultBranchIsTheOneOfTheRemotesHead) {
  branch("main");
  const wire::FetchResult result = succeed();
  EXPECT_EQ(result.commit->ref, "trunk");
  EXPECT_EQ(result.commit->commit, first_);
  EXPECT_TRUE(result.warnings.empty());
  EXPECT_EQ(content_of(fs::path(result.commit->checkout) / "hubconf.py"), "VERSION = 1\n");
  EXPECT_TRUE(source::find_cached(cache(), url(), "trunk")) << "it is known under its name, too";
  EXPECT_EQ(succeed("HEAD").commit->commit, first_);
}

TEST_F(Fetch, ADetachedHeadIsACommitWithoutABranch) {
  branch("other");
  git(remote(), {"checkout", "--quiet", "--detach", "other"});
  const wire::FetchResult result = succeed();
  EXPECT_EQ(result.commit->ref, "HEAD");
  EXPECT_EQ(result.commit->commit, git(remote(), {"rev-parse", "other"}));
}

TEST_F(Fetch, BranchesAndTagsAreFoundByTheirNames) {
  const std::string feature = branch("feat/x");
  git(remote(), {"tag", "light", "feat/x"});
  git(remote(), {"tag", "--annotate", "--message=t", "v1", "trunk"});
  git(remote(), {"-c", "advice.nestedTag=false", "tag", "--annotate", "--message=t", "v1-again", "v1"});
  EXPECT_EQ(succeed("feat/x").commit->commit, feature);
  EXPECT_EQ(succeed("feat/x").commit->ref, "feat/x");
  EXPECT_EQ(succeed("light").commit->commit, feature);
  EXPECT_EQ(succeed("v1").commit->commit, first_);
  EXPECT_EQ(succeed("v1-again").commit->commit, first_) << "a tag of a tag";
  EXPECT_EQ(succeed("refs/heads/feat/x").commit->commit, feature);
  EXPECT_EQ(succeed("refs/tags/v1").commit->commit, first_);
  EXPECT_TRUE(says(refusal("refs/tags/feat/x"), "no branch or tag 'feat/x'"));
  EXPECT_TRUE(says(refusal("refs/notes/x"), "only refs/heads/... and refs/tags/..."));
}

TEST_F(Fetch, ABranchComesBeforeATagOfItsNameWithAWarning) {
  const std::string branch_commit = branch("v1");
  git(remote(), {"tag", "v1", "trunk"});
  const wire::FetchResult result = succeed("v1");
  EXPECT_EQ(result.commit->commit, branch_commit);
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_TRUE(says(result.warnings.front(), "refs/tags/v1"));
  const wire::FetchResult tag = succeed("refs/tags/v1");
  EXPECT_EQ(tag.commit->commit, first_);
  EXPECT_TRUE(tag.warnings.empty());
}

TEST_F(Fetch, ACommitIsFoundWhereABranchOrTagHasIt) {
  const std::string head = branch("dev");
  EXPECT_EQ(succeed(head.substr(0, 7)).commit->commit, head);
  EXPECT_EQ(succeed(head).commit->commit, head);
  const std::string second = commit("second");
  EXPECT_EQ(succeed(first_).commit->commit, first_) << "inside of trunk's history";
  EXPECT_EQ(succeed(second).commit->commit, second);
  EXPECT_TRUE(says(refusal("0123456"), "other commits need all 40 digits"));
}

TEST_F(Fetch, ACommitThatNoBranchOrTagContainsIsRefused) {
  const std::string dropped = commit("dropped");
  git(remote(), {"reset", "--quiet", "--hard", first_});
  EXPECT_TRUE(says(refusal(dropped), "no branch or tag of " + url() + " contains the commit " + dropped));
  EXPECT_TRUE(says(refusal(std::string(40, '1')), "contains the commit"));
}

TEST_F(Fetch, AnUnknownRefIsRefusedWithTheNearestNames) {
  branch("develop");
  EXPECT_TRUE(
      says(refusal("devlop"), "no branch or tag 'devlop' at " + url() + " (did you mean 'develop'?)"));
  EXPECT_TRUE(says(refusal("xyzzy"), "(it has develop, trunk)"));
  branch("master");
  EXPECT_TRUE(says(refusal("main"), "did you mean 'master'?"));
}

TEST_F(Fetch, RemotesWithoutAnythingToLoadHaveAClearLine) {
  fs::create_directory(folder_.path() / "empty");
  git(folder_.path() / "empty", {"init", "--quiet", "--bare"});
  wire::FetchJob empty = job(std::nullopt);
  empty.commit->url = "file://" + (folder_.path() / "empty").string();
  EXPECT_TRUE(says(refusal_of(empty), "is empty: it has no commits"));
  git(remote(), {"symbolic-ref", "HEAD", "refs/heads/gone"});
  EXPECT_TRUE(says(refusal(), "no default branch: its HEAD names none that exists; say which: trunk"));
}

TEST_F(Fetch, ACommitWithoutHubconfIsRefusedByName) {
  git(remote(), {"rm", "--quiet", "hubconf.py"});
  write("README", "no hub\n");
  const std::string bare = commit("no hubconf");
  EXPECT_TRUE(says(refusal(), "no hubconf.py in the/remote at commit " + bare.substr(0, 8)));
  write("hubconf.py/file", "a folder\n");
  commit("a folder");
  EXPECT_TRUE(says(refusal(), "no hubconf.py"));
}

TEST_F(Fetch, ATagOfAFileIsRefused) {
  git(remote(), {"tag", "blob", git(remote(), {"rev-parse", "HEAD:hubconf.py"})});
  EXPECT_TRUE(says(refusal("blob"), "ref 'blob' of " + url() + " is no commit"));
}

TEST_F(Fetch, RemotesThatCannotBeReadHaveAClearLine) {
  wire::FetchJob wrong = job(std::nullopt);
  wrong.commit->url = "file://" + (folder_.path() / "nowhere").string();
  EXPECT_TRUE(says(refusal_of(wrong), "there is no such folder"));
  fs::create_directory(folder_.path() / "plain");
  wrong.commit->url = "file://" + (folder_.path() / "plain").string();
  EXPECT_TRUE(says(refusal_of(wrong), "list the refs of " + wrong.commit->url));
  wrong.commit->url = "git://host/x.git";
  EXPECT_TRUE(says(refusal_of(wrong), "only https://, http://, ssh:// and file:// work in this version"));
  for (const char* other : {"ssh://host:ssh/x.git", "ssh://host:0/x.git", "git@[::1:x.git"}) {
    wrong.commit->url = other;
    EXPECT_TRUE(says(refusal_of(wrong), other));
  }
}

TEST_F(Fetch, AWorkerGetsNothingOverSsh) {
  wire::FetchJob wrong = job(std::nullopt);
  wrong.origin = wire::Origin::Worker;
  for (const char* url : {"ssh://host/x.git", "SSH://host/x.git", "git@host:x.git"}) {
    wrong.commit->url = url;
    EXPECT_TRUE(says(refusal_of(wrong), "a worker gets nothing over ssh"));
  }
}

TEST_F(Fetch, ACacheThatCannotBeMadeHasAClearLine) {
  wire::FetchJob wrong = job(std::nullopt);
  wrong.cache_root = folder_.write("file", "in the way") / "cache";
  const wire::FetchResult result = Fetcher(wrong).result();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.error_code, ErrorCode::System);
  EXPECT_TRUE(says(result.error_message, "set TORCH_HOME"));
}

TEST_F(Fetch, AMalformedJobIsAProtocolError) {
  wire::FetchJob wrong = job(std::nullopt);
  wrong.cache_root = "relative";
  const wire::FetchResult result = Fetcher(wrong).result();
  EXPECT_EQ(result.error_code, ErrorCode::Protocol);
}

}  // namespace
}  // namespace hubcell::fetch
