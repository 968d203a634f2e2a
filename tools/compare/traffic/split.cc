// Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): for a key, each side draws a number u in (0, 1] by hashing the key and
// its own label, and the side with the largest weight / -ln(u) has it. A side wins with the share of its weight, since -ln(u) / weight
// are exponential times, of which the first one counts.
//
// Intervals of a line of shares would be simpler, but there a change of one weight moves the limits of all sides behind it. Here a
// side's number depends on nothing but the key, its label and its weight: a weight that grows takes keys, one that shrinks loses some, and no
// other key moves; nor does anything depend on the order of the sides. The price is a hash for each side.
//
// Two machines have to agree on every key, so that the logarithm is computed in integers: that of the C library differs by its version
// and by what the processor has.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <hubcell/traffic.h>

#include <hubcell/error.h>

namespace hubcell::compare {
namespace {

// -log2((hash + 1) / 2^64) times 2^47: at most 53 bits, so that a double has it exactly. At least 1.
std::uint64_t negative_log2(std::uint64_t hash) {
  constexpr int kFractionBits = 47;
  const std::uint64_t number = hash + 1;
  if (number == 0) return 1;
  const int exponent = 63 - std::countl_zero(number);
  // One digit of the binary logarithm of [1, 2) for each squaring.
  std::uint64_t mantissa = number << (63 - exponent), fraction = 0;
  for (int i = 0; i < kFractionBits; ++i) {
    const auto squared = static_cast<unsigned __int128>(mantissa) * mantissa;
    const bool reached_two = (squared >> 127) != 0;
    mantissa = static_cast<std::uint64_t>(squared >> (reached_two ? 64 : 63));
    fraction = (fraction << 1) | static_cast<std::uint64_t>(reached_two);
  }
  const std::uint64_t logarithm = (static_cast<std::uint64_t>(exponent) << kFractionBits) | fraction;
  return std::max<std::uint64_t>((std::uint64_t{64} << kFractionBits) - logarithm, 1);
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::Usage, "split calls: " + why);
}

void check(const std::vector<Share>& shares) {
  if (shares.empty()) refuse("there is no side");
  for (const Share& share : shares) {
    if (!std::isfinite(share.weight) || share.weight < 0)
      refuse("the weight of '" + share.label + "' is " + std::to_string(share.weight) +
             "; give a finite number, 0 or more");
    if (std::ranges::count(shares, share.label, &Share::label) > 1)
      refuse("two sides are called '" + share.label + "'; give each a label of its own");
  }
  if (std::ranges::all_of(shares, [](const Share& share) { return share.weight == 0; }))
    refuse("no weight is above 0");
}

}  // namespace

ShareRule::ShareRule(std::vector<Share> shares) : shares_(std::move(shares)) {
  check(shares_);
  for (const Share& share : shares_)
    label_hashes_.push_back(XXH3_64bits(share.label.data(), share.label.size()));
}

std::size_t ShareRule::side_of(std::uint64_t key) const {
  std::size_t best = 0;
  double best_score = -1;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const std::array<std::uint64_t, 2> drawn_from{key, label_hashes_[i]};
    const std::uint64_t drawn = XXH3_64bits(drawn_from.data(), sizeof drawn_from);
    const double score = shares_[i].weight / static_cast<double>(negative_log2(drawn));
    const bool is_tie = score == best_score && shares_[i].label < shares_[best].label;
    if (score > best_score || is_tie) {
      best = i;
      best_score = score;
    }
  }
  return best;
}

struct Split::State {
  State(std::vector<Side> given, ShareRule made, Key chosen)
      : sides(std::move(given)), rule(std::move(made)), key(std::move(chosen)), counts(sides.size()) {}

  std::vector<Side> sides;
  ShareRule rule;
  Key key;
  std::vector<std::atomic<std::uint64_t>> counts;
};

Split::Split(std::vector<Side> sides, Key key) {
  std::vector<Share> shares;
  for (const Side& side : sides)
    shares.push_back(side.share);
  state_ = std::make_shared<State>(std::move(sides), ShareRule(std::move(shares)), std::move(key));
}

Value Split::call(const std::string& method, Arguments arguments, Keywords keywords, CallOptions options) {
  const std::uint64_t key =
      state_->key ? content_hash(state_->key(arguments, keywords)) : content_hash(arguments, keywords);
  const std::size_t side = state_->rule.side_of(key);
  ++state_->counts[side];
  return state_->sides[side].model(method, std::move(arguments), std::move(keywords), std::move(options));
}

std::vector<std::uint64_t> Split::counts() const {
  return {state_->counts.begin(), state_->counts.end()};
}

}  // namespace hubcell::compare
