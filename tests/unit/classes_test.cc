#include "tools/compare/numbers/classes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hubcell::compare {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Value scores(const std::vector<float>& items) {
  return Tensor::of(DType::Float32, {static_cast<std::int64_t>(items.size())}, items);
}

InputResult input(const std::vector<float>& a, const std::vector<float>& b,
                  std::optional<std::int64_t> label = std::nullopt) {
  InputResult result;
  result.ranking = {ranking_of(scores(a), 5), ranking_of(scores(b), 5)};
  result.label = label;
  return result;
}

TEST(Classes, ScoresAreOneRowOfFloats) {
  EXPECT_TRUE(looks_like_scores(Tensor::zeros(DType::Float32, {2})));
  EXPECT_TRUE(looks_like_scores(Tensor::zeros(DType::Float16, {1, 1000})));
  EXPECT_TRUE(looks_like_scores(Array{Tensor::zeros(DType::Float64, {10})}));
  EXPECT_FALSE(looks_like_scores(Tensor::zeros(DType::Float32, {1, 1})));
  EXPECT_FALSE(looks_like_scores(Tensor::zeros(DType::Float32, {})));
  EXPECT_FALSE(looks_like_scores(Tensor::zeros(DType::Float32, {2, 10})));
  EXPECT_FALSE(looks_like_scores(Tensor::zeros(DType::Float32, {1, 1, 10})));
  EXPECT_FALSE(looks_like_scores(Tensor::zeros(DType::Int64, {10})));
  EXPECT_FALSE(looks_like_scores(Tensor::zeros(DType::Complex64, {10})));
  EXPECT_FALSE(looks_like_scores(List{{1.0, 2.0}}));
  EXPECT_EQ(ranking_of(Value("text"), 5), std::nullopt);
}

TEST(Classes, AWorkersClaimOfManyClassesIsNotFollowed) {
  const Tensor one = Tensor::zeros(DType::Float32, {1});
  EXPECT_FALSE(looks_like_scores(
      Tensor::strided(DType::Float32, {std::int64_t{1} << 40}, {0}, one.owner(), one.data())));
}

TEST(Classes, RankingsPutTheHighestFirstEqualOnesByIndexAndNanLast) {
  const auto ranking = ranking_of(scores({1, kNan, 3, 3, -std::numeric_limits<float>::infinity()}), 5);
  ASSERT_TRUE(ranking);
  EXPECT_EQ(ranking->best, (std::vector<std::int64_t>{2, 3, 0, 4, 1}));
  EXPECT_EQ(ranking->scores[0], 3);
  EXPECT_TRUE(std::isnan(ranking->scores[4]));
  EXPECT_EQ(ranking_of(scores({1, 2, 3}), 2)->best, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(ranking_of(scores({1, 2}), 5)->best.size(), 2u);
}

TEST(Classes, RankingsReadTensorsOfAnyStrides) {
  const Tensor stored = Tensor::of(DType::Float32, {3, 2}, std::vector<float>{1, 90, 3, 90, 2, 90});
  const Tensor column = Tensor::strided(DType::Float32, {1, 3}, {1, 2}, stored.owner(), stored.data());
  EXPECT_EQ(ranking_of(column, 3)->best, (std::vector<std::int64_t>{1, 2, 0}));
}

TEST(Classes, AgreementAndOverlapAreOfTheInputsThatBothRanked) {
  InputResult failed = input({1, 2, 3}, {1, 2, 3});
  failed.ranking[1].reset();
  const auto result =
      classify({input({3, 2, 1, 0}, {3, 1, 2, 0}), input({0, 1, 2, 3}, {3, 2, 1, 0}), failed}, 2, 0.95);
  EXPECT_EQ(result.k, 2u);
  EXPECT_EQ(result.top1_agreement.count, 2u);
  EXPECT_EQ(result.top1_agreement.hits, 1u);
  EXPECT_EQ(result.top1_agreement.share.estimate, 0.5);
  EXPECT_EQ(result.topk_overlap, (0.5 + 0) / 2);
  EXPECT_EQ(result.accuracy[0], std::nullopt);
  EXPECT_EQ(result.mcnemar_p, std::nullopt);
}

TEST(Classes, LabelsTellWhoIsRight) {
  const auto result = classify({input({9, 1, 0}, {9, 1, 0}, 0),  // both
                                input({9, 1, 0}, {1, 9, 0}, 0),  // only A, B second
                                input({9, 1, 0}, {0, 1, 9}, 0),  // only A, B third
                                input({9, 1, 0}, {0, 9, 1}, 1),  // only B, A second
                                input({9, 1, 0}, {9, 1, 0}, 2),  // neither
                                input({9, 1, 0}, {9, 1, 0})},    // without a label
                               2, 0.95);
  ASSERT_TRUE(result.accuracy[0] && result.accuracy[1]);
  EXPECT_EQ(result.accuracy[0]->hits, 3u);
  EXPECT_EQ(result.accuracy[0]->count, 5u);
  EXPECT_EQ(result.accuracy[1]->hits, 2u);
  EXPECT_EQ(result.topk_accuracy[0]->hits, 4u);
  EXPECT_EQ(result.topk_accuracy[1]->hits, 3u);
  EXPECT_EQ(result.only_a_right, 2u);
  EXPECT_EQ(result.only_b_right, 1u);
  EXPECT_DOUBLE_EQ(result.accuracy_difference->estimate, -0.2);
  EXPECT_EQ(result.mcnemar_p, 1);
  EXPECT_EQ(result.top1_agreement.count, 6u);
}

TEST(Classes, ANanIsNobodysClass) {
  const auto result =
      classify({input({kNan, kNan}, {kNan, kNan}, 0), input({kNan, 1}, {kNan, 2}, 1)}, 5, 0.95);
  EXPECT_EQ(result.top1_agreement.hits, 1u);
  EXPECT_EQ(result.topk_overlap, (0 + 0.5) / 2);
  EXPECT_EQ(result.accuracy[0]->hits, 1u);
}

TEST(Classes, OfNoInputsThereIsNoShare) {
  const auto result = classify({}, 5, 0.95);
  EXPECT_EQ(result.top1_agreement.count, 0u);
  EXPECT_TRUE(std::isnan(result.top1_agreement.share.estimate));
}

}  // namespace
}  // namespace hubcell::compare
