#include "tools/client/mode_changes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <hubcell/error.h>

namespace hubcell::client {
namespace {

using channel::CallRequest;
using channel::Verb;

constexpr std::size_t kChangesMax = 256;

// Of torch.nn.Module. The last of a kind is what counts.
constexpr std::array<std::string_view, 4> kModes{"eval", "train", "requires_grad_", "load_state_dict"};
// Each loses something that the next does not bring back.
constexpr std::array<std::string_view, 10> kConversions{"to",  "half", "bfloat16", "float", "double",
                                                        "cpu", "cuda", "xpu",      "type",  "to_empty"};

bool is_attribute(const CallRequest& request) {
  return request.verb == Verb::Operate && request.name == "setattr" && request.arguments.size() == 2;
}

template <std::size_t Count>
bool is_one_of(const std::array<std::string_view, Count>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

std::string kind_of(const CallRequest& request) {
  if (is_attribute(request)) return "." + request.arguments[0].text();
  if (is_one_of(kConversions, request.name)) return "conversion";
  return request.name == "eval" ? "train" : request.name;
}

struct Content {
  std::vector<std::byte> bytes;  // without those of tensors
  bool holds_tensors = false;
  bool holds_handles = false;
};

Content content_of(const CallRequest& request) {
  Content content;
  const ValueWriteContext context{
      .place_tensors =
          [&](std::span<const Tensor* const> tensors) {
            content.holds_tensors = !tensors.empty();
            return PlacedTensors{.blocks = {}, .tensors = std::vector<TensorLayout>(tensors.size())};
          },
      .number_handle =
          [&](const Handle&) {
            content.holds_handles = true;
            return std::uint64_t{0};
          }};
  content.bytes = channel::encode_request(request, context);
  return content;
}

}  // namespace

bool is_mode_method(const std::string& method) {
  return is_one_of(kModes, method) || is_one_of(kConversions, method);
}

bool changes_model(const CallRequest& request) {
  return (request.verb == Verb::Call && is_mode_method(request.name)) || is_attribute(request);
}

bool is_mode_change(const CallRequest& request) {
  return changes_model(request) && !content_of(request).holds_handles;
}

void ModeChanges::note(std::size_t handle, CallRequest request) {
  request.state = Value();
  request.target = 0;
  Change change{.handle = handle, .request = std::move(request), .kind = {}, .encoded = {}};
  change.kind = kind_of(change.request);
  Content content = content_of(change.request);
  if (!content.holds_tensors) change.encoded = std::move(content.bytes);
  const auto is_same_kind = [&](const Change& other) {
    return other.handle == change.handle && other.kind == change.kind;
  };
  const auto last = std::find_if(changes_.rbegin(), changes_.rend(), is_same_kind);
  if (last != changes_.rend() && !change.encoded.empty() && last->encoded == change.encoded) return;
  if (change.kind != "conversion") std::erase_if(changes_, is_same_kind);
  too_many_ = too_many_ || changes_.size() == kChangesMax;
  if (!too_many_) changes_.push_back(std::move(change));
}

}  // namespace hubcell::client
