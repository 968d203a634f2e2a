// What a fetcher that was taken over may not have passed on.
#include "supervisor/control/history_check.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/wire/limits.h"
#include "tests/support/error_of.h"

namespace hubcell::control {
namespace {

const std::string kId(40, 'a');

wire::HistoryRead summary_of(std::uint64_t commits, std::uint64_t files) {
  return {.b = {.id = kId}, .only_b = commits, .files_changed = files};
}

template <typename Message>
std::string refusal_of(const Message& message) {
  HistoryCheck check;
  const Error error = tests::error_of([&] { check.check(message); });
  EXPECT_EQ(error.code(), ErrorCode::Protocol);
  return error.what();
}

TEST(HistoryCheck, WhatOurFetcherSendsPasses) {
  HistoryCheck check;
  check.check({.commits = {{.id = kId, .author = "A", .subject = "s", .parents = {kId, kId}}}, .files = {}});
  check.check({.commits = {}, .files = {{.path = "new", .old_path = "old", .status = 'R'}}});
  check.check(summary_of(1, 1));
}

TEST(HistoryCheck, WhatIsNoCommitOrTooLongIsRefused) {
  refusal_of(wire::HistoryPart{.commits = {{.id = "main"}}, .files = {}});
  refusal_of(wire::HistoryPart{.commits = {{.id = kId, .parents = {kId + "a"}}}, .files = {}});
  refusal_of(wire::HistoryPart{
      .commits = {{.id = kId, .parents = std::vector(wire::kHistoryParentsMax + 1, kId)}}, .files = {}});
  refusal_of(wire::HistoryPart{
      .commits = {{.id = kId, .subject = std::string(wire::kHistoryTextBytesMax + 1, 'x')}}, .files = {}});
  refusal_of(wire::HistoryPart{.commits = {},
                               .files = {{.path = std::string(wire::kHistoryPathBytesMax + 1, 'x')}}});
  refusal_of(wire::HistoryPart{.commits = {}, .files = {{.path = "x", .status = '\x1b'}}});
  refusal_of(wire::HistoryRead{.b = {.id = kId}, .merge_base = "main"});
  refusal_of(wire::HistoryRead{});
}

TEST(HistoryCheck, MoreThanIsBoundedAndOtherNumbersThanWereSentAreRefused) {
  refusal_of(summary_of(1, 0));
  refusal_of(summary_of(0, 1));
  HistoryCheck check;
  const wire::HistoryPart part{.commits = {}, .files = std::vector(500, wire::FileRecord{.path = "x"})};
  check.check(part);
  check.check(part);
  check.check(summary_of(0, 123'456));
  EXPECT_EQ(tests::error_of([&] { check.check(part); }).code(), ErrorCode::Protocol);
}

}  // namespace
}  // namespace hubcell::control
