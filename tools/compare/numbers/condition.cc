#include "tools/compare/numbers/condition.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numeric>
#include <span>
#include <utility>

#include "tools/compare/numbers/condition_tokens.h"
#include "tools/compare/numbers/figures.h"

namespace hubcell::compare {

struct Condition::Node {
  enum class Kind {
    Number,
    Figure,
    Abs,
    Negative,
    Not,
    And,
    Or,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Plus,
    Minus,
    Times,
    Over
  };
  Kind kind = Kind::Number;
  std::size_t offset = 0;  // in the text
  double number = 0;
  const FigureInfo* figure = nullptr;
  std::size_t left = 0, right = 0;  // nodes
};

namespace {

using Node = Condition::Node;
using Kind = Node::Kind;

constexpr std::size_t kTextBytesMax = 4096;
constexpr int kDepthMax = 64;

struct Operator {
  std::string_view text;
  Kind kind;
};
constexpr Operator kComparisons[] = {{"<", Kind::Less},    {"<=", Kind::LessEqual},
                                     {">", Kind::Greater}, {">=", Kind::GreaterEqual},
                                     {"==", Kind::Equal},  {"!=", Kind::NotEqual}};
constexpr Operator kSums[] = {{"+", Kind::Plus}, {"-", Kind::Minus}};
constexpr Operator kProducts[] = {{"*", Kind::Times}, {"/", Kind::Over}};
constexpr Operator kOr[] = {{"or", Kind::Or}};
constexpr Operator kAnd[] = {{"and", Kind::And}};

// Levenshtein's, of two short texts.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string explain_unknown(std::string_view name) {
  const auto distance = [&](const FigureInfo& info) { return edit_distance(name, info.name); };
  const FigureInfo& nearest = *std::ranges::min_element(figure_infos(), {}, distance);
  std::string text = "no figure is called '" + std::string(name) + "'";
  if (distance(nearest) <= 1 + name.size() / 3)
    text += " (did you mean '" + std::string(nearest.name) + "'?)";
  text += "; there are ";
  const char* separator = "";
  for (const FigureInfo& info : figure_infos()) {
    text += separator + std::string(info.name);
    separator = ", ";
  }
  return text;
}

// Recursive descent: a function for each level of what binds, the loosest first. Each adds its node to `nodes` and tells which.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), tokens_(tokens_of(text)) {}

  std::vector<Node> parse() {
    parse_or();
    if (next().kind != Token::Kind::End) expected("an operator or the end");
    return std::move(nodes_);
  }

 private:
  const Token& next() const { return tokens_[place_]; }
  bool next_is(std::string_view text) const { return next().kind != Token::Kind::End && next().text == text; }
  bool take(std::string_view text) {
    if (!next_is(text)) return false;
    ++place_;
    return true;
  }

  [[noreturn]] void expected(const std::string& what) const {
    const bool is_end = next().kind == Token::Kind::End;
    fail_at(text_, next().offset,
            "expected " + what + ", found " + (is_end ? "the end" : "'" + std::string(next().text) + "'"));
  }

  std::size_t add(Node node) {
    nodes_.push_back(node);
    return nodes_.size() - 1;
  }

  // What nests calls itself through this.
  template <typename Parse>
  std::size_t deeper(Parse parse) {
    if (++depth_ > kDepthMax)
      fail_at(text_, next().offset, "it nests more than " + std::to_string(kDepthMax) + " deep");
    const std::size_t node = parse();
    --depth_;
    return node;
  }

  // left operator right operator right ...: from the left on.
  template <typename Parse>
  std::size_t parse_chain(std::span<const Operator> operators, Parse parse) {
    std::size_t left = parse();
    while (const Operator* found = take_one_of(operators)) {
      const std::size_t offset = tokens_[place_ - 1].offset;
      const std::size_t right = parse();
      left = add({.kind = found->kind, .offset = offset, .left = left, .right = right});
    }
    return left;
  }
  const Operator* take_one_of(std::span<const Operator> operators) {
    const auto found =
        std::ranges::find_if(operators, [&](const Operator& one) { return next_is(one.text); });
    if (found == operators.end()) return nullptr;
    ++place_;
    return &*found;
  }

  std::size_t parse_or() {
    return parse_chain(kOr, [&] { return parse_chain(kAnd, [&] { return parse_not(); }); });
  }

  std::size_t parse_not() {
    const std::size_t offset = next().offset;
    if (!take("not")) return parse_comparison();
    const std::size_t inner = deeper([&] { return parse_not(); });
    return add({.kind = Kind::Not, .offset = offset, .left = inner});
  }

  std::size_t parse_comparison() {
    const std::size_t left = parse_sum();
    const std::size_t offset = next().offset;
    const Operator* found = take_one_of(kComparisons);
    if (found == nullptr) return left;
    const std::size_t right = parse_sum();
    if (std::ranges::any_of(kComparisons, [&](const Operator& one) { return next_is(one.text); }))
      fail_at(text_, next().offset, "comparisons do not chain; join two with 'and'");
    return add({.kind = found->kind, .offset = offset, .left = left, .right = right});
  }

  std::size_t parse_sum() {
    return parse_chain(kSums, [&] { return parse_chain(kProducts, [&] { return parse_negative(); }); });
  }

  std::size_t parse_negative() {
    const std::size_t offset = next().offset;
    if (!take("-")) return parse_single();
    const std::size_t inner = deeper([&] { return parse_negative(); });
    return add({.kind = Kind::Negative, .offset = offset, .left = inner});
  }

  std::size_t parse_single() {
    const Token token = next();
    if (token.kind == Token::Kind::Number) {
      ++place_;
      return add({.offset = token.offset, .number = token.number});
    }
    if (take("(")) return parse_rest_of_parenthesis();
    if (take("abs")) {
      if (!take("(")) expected("'(' after abs");
      return add({.kind = Kind::Abs, .offset = token.offset, .left = parse_rest_of_parenthesis()});
    }
    if (token.kind != Token::Kind::Name || token.text == "and" || token.text == "or" || token.text == "not")
      expected("a number or a name");
    ++place_;
    const FigureInfo* figure = find_figure_info(token.text);
    if (figure == nullptr) fail_at(text_, token.offset, explain_unknown(token.text));
    return add({.kind = Kind::Figure, .offset = token.offset, .figure = figure});
  }

  std::size_t parse_rest_of_parenthesis() {
    const std::size_t inner = deeper([&] { return parse_or(); });
    if (!take(")")) expected("')' or an operator");
    return inner;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t place_ = 0;
  int depth_ = 0;
  std::vector<Node> nodes_;
};

// The text's length bounds how deep it goes: chains lean to the left.
class Evaluation {
 public:
  Evaluation(std::string_view text, const std::vector<Node>& nodes, const Condition::Lookup& lookup)
      : text_(text), nodes_(nodes), lookup_(lookup) {}

  bool holds(std::size_t index) const { return certain(index) != 0; }

 private:
  double value(std::size_t index) const {
    const Node& node = nodes_[index];
    switch (node.kind) {
      case Kind::Number:
        return node.number;
      case Kind::Figure:
        return figure(node);
      case Kind::Abs:
        return std::abs(value(node.left));
      case Kind::Negative:
        return -value(node.left);
      case Kind::Not:
        return holds(node.left) ? 0 : 1;
      case Kind::And:
        return holds(node.left) && holds(node.right) ? 1 : 0;
      case Kind::Or:
        return holds(node.left) || holds(node.right) ? 1 : 0;
      case Kind::Plus:
        return value(node.left) + value(node.right);
      case Kind::Minus:
        return value(node.left) - value(node.right);
      case Kind::Times:
        return value(node.left) * value(node.right);
      case Kind::Over:
        return value(node.left) / value(node.right);
      default:
        return compare(node.kind, certain(node.left), certain(node.right)) ? 1 : 0;
    }
  }

  static bool compare(Kind kind, double left, double right) {
    switch (kind) {
      case Kind::Less:
        return left < right;
      case Kind::LessEqual:
        return left <= right;
      case Kind::Greater:
        return left > right;
      case Kind::GreaterEqual:
        return left >= right;
      case Kind::Equal:
        return left == right;
      default:
        return left != right;
    }
  }

  // A gate must not stay open because there is no answer.
  double certain(std::size_t index) const {
    const double result = value(index);
    if (std::isnan(result)) fail_at(text_, nodes_[index].offset, "this is not a number (as 0 / 0 is none)");
    return result;
  }

  double figure(const Node& node) const {
    const std::optional<double> found = lookup_(node.figure->name);
    if (found) return *found;
    fail_at(text_, node.offset,
            std::string(node.figure->name) + " was not measured" +
                (node.figure->needs.empty() ? "" : ": it needs " + std::string(node.figure->needs)));
  }

  std::string_view text_;
  const std::vector<Node>& nodes_;
  const Condition::Lookup& lookup_;
};

}  // namespace

std::vector<std::string> Condition::names() const {
  std::vector<std::string> names;
  for (const Node& node : *nodes_) {
    if (node.figure == nullptr || std::ranges::find(names, node.figure->name) != names.end()) continue;
    names.emplace_back(node.figure->name);
  }
  return names;
}

bool Condition::evaluate(const Lookup& lookup) const {
  return Evaluation(text_, *nodes_, lookup).holds(nodes_->size() - 1);
}

Condition parse_condition(std::string text) {
  if (text.size() > kTextBytesMax)
    fail_at(text, kTextBytesMax, "it is longer than " + std::to_string(kTextBytesMax) + " bytes");
  Condition condition;
  condition.nodes_ = std::make_shared<const std::vector<Node>>(Parser(text).parse());
  condition.text_ = std::move(text);
  return condition;
}

}  // namespace hubcell::compare
