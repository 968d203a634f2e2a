// Which of a program's variables its processes get.
#include <gtest/gtest.h>

#include <algorithm>

#include "supervisor/process/environment.h"

namespace hubcell::process {
namespace {

bool has(const std::vector<std::string>& assignments, const std::string& wanted) {
  return std::ranges::find(assignments, wanted) != assignments.end();
}

TEST(Environment, WhoTheUserIsOnlyAFetcherOfTheProgramsOwnIsTold) {
  const Environment all(
      {"PATH=/bin", "GITHUB_TOKEN=secret", "SSH_AUTH_SOCK=/agent", "https_proxy=http://p", "OTHER=x"});
  for (const std::string secret : {"GITHUB_TOKEN=secret", "SSH_AUTH_SOCK=/agent"}) {
    EXPECT_TRUE(has(all.for_fetcher(wire::Origin::Caller), secret)) << secret;
    EXPECT_FALSE(has(all.for_fetcher(wire::Origin::Worker), secret)) << secret;
    EXPECT_FALSE(has(all.for_template(), secret)) << secret;
  }
  for (const wire::Origin origin : {wire::Origin::Caller, wire::Origin::Worker}) {
    EXPECT_TRUE(has(all.for_fetcher(origin), "https_proxy=http://p"));
    EXPECT_FALSE(has(all.for_fetcher(origin), "OTHER=x"));
  }
  EXPECT_TRUE(has(all.for_template(), "PATH=/bin"));
  EXPECT_FALSE(has(all.for_template(), "https_proxy=http://p"));
}

TEST(Environment, WhatAPythonDoesAboutTheLocaleCPartsNoTemplates) {
  EXPECT_FALSE(has(Environment({"LC_CTYPE=C.UTF-8"}).for_template(), "LC_CTYPE=C.UTF-8"));
  EXPECT_FALSE(has(Environment({"LC_CTYPE=C.UTF-8", "LANG=C"}).for_template(), "LC_CTYPE=C.UTF-8"));
  EXPECT_TRUE(has(Environment({"LC_CTYPE=C.UTF-8", "LANG=de_DE"}).for_template(), "LC_CTYPE=C.UTF-8"));
  EXPECT_TRUE(has(Environment({"LC_CTYPE=C.UTF-8", "LC_ALL=C"}).for_template(), "LC_CTYPE=C.UTF-8"));
  EXPECT_TRUE(has(Environment({"LC_CTYPE=de_DE"}).for_template(), "LC_CTYPE=de_DE"));
}

}  // namespace
}  // namespace hubcell::process
