// Compares two loaded models: what they answer, where inside they begin to differ, their weights, how fast they are and what they need.
//
//     hubcell::Hub hub_a, hub_b = hub_a.beside({});
//     auto a = hubcell::compare::load_model(hub_a, {.repository = "owner/name@main", .entry = "net"});
//     auto b = hubcell::compare::load_model(hub_b, {.repository = "owner/name@faster", .entry = "net"});
//     hubcell::compare::Comparison found = hubcell::compare::compare(a, b, inputs, {});
//     std::puts(hubcell::compare::to_text(found, {}).c_str());       // hubcell/report.h
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <hubcell/comparison.h>
#include <hubcell/hub.h>

namespace hubcell::compare {

// The arguments of one call, for both sides.
struct Input {
  std::string name = {};  // for people: "chunk 17"
  Arguments positional = {};
  Keywords named = {};
  std::optional<std::int64_t> label = {};  // the index of the right class
};

// Inputs that are made when they are needed: a set may be larger than memory. The same index gives the same input each time.
struct InputSet {
  std::size_t count = 0;
  std::function<Input(std::size_t index)> make;
};
InputSet input_set(std::vector<Input> inputs);

// A side, and its model where it has one.
struct Model {
  Side side;
  Hub* hub = nullptr;                 // borrowed
  std::optional<Object> object = {};  // what is called
  // Of an answer, the part that is compared; the answer itself where it is null.
  std::function<Value(const Value& answer)> pick = nullptr;
};

struct LoadPlan {
  std::string repository = {};
  std::string label = {};  // in tables; the ref where it is empty
  std::string entry = {};
  Arguments positional = {};
  Keywords named = {};
  bool train = false;  // modules are not put into eval()
  // Of what the entrypoint returned, what is called; the first that can be called where it is null. Throws Error(Usage).
  std::function<Object(const Value& loaded)> choose = nullptr;
};
// Never throws for what a repository does: a load that fails is told in Side::failure. The worker is there and the commit fetched before
// the time of the load begins.
Model load_model(Hub& hub, const LoadPlan& plan);

// What is looked at beside the answers.
struct Parts {
  bool modules = true;
  bool weights = true;
  bool speed = true;
  bool code = true;
};

struct CompareOptions {
  std::string method = {};  // that is called; empty: the object itself
  std::string reset =
      {};  // a method of both that is called before each input, for models that keep something between calls; empty: none
  // Both sides draw the same random numbers in a call of one input: from this seed and the input's index.
  std::uint64_t seed = 0;
  Tolerance tolerance = {};
  double confidence = 0.95;
  std::size_t topk = 5;
  Parts parts = {};
  // Of the speed: no more rounds of four calls than so many, and no longer than so long, but at least kRoundsMin.
  std::size_t rounds = 200;
  std::chrono::milliseconds speed_time{3000};
  // What is being done now, and how much of it is done.
  std::function<void(const std::string& what, std::uint64_t done, std::uint64_t total)> progress = nullptr;
  // Ends it with what is known by then.
  std::stop_token stop = {};
};

// Fewer cannot give an interval of the ratio at 95 %.
inline constexpr std::size_t kRoundsMin = 8;

// Throws Error(Usage) on options that cannot be. What goes wrong on a side is in the result.
Comparison compare(const Model& a, const Model& b, const InputSet& inputs, const CompareOptions& options);

}  // namespace hubcell::compare
