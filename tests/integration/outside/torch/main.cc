#include <cstdio>
#include <string>

#include <hubcell/compare.h>
#include <hubcell/report.h>
#include <hubcell/torch.h>

int main(int, char** arguments) try {
  hubcell::Hub hub;
  const auto model = hubcell::torch::load(hub, arguments[1], "scale", {3});
  const at::Tensor answer = model.forward({at::ones({2}) * 2.5}).toTensor();
  std::printf("%g %g\n", answer[0].item<double>(), answer[1].item<double>());

  hubcell::Hub beside = hub.beside({});
  const hubcell::compare::LoadPlan plan{
      .repository = arguments[1], .label = {}, .entry = "scale", .positional = {3}};
  const auto found = hubcell::compare::compare(
      hubcell::compare::load_model(hub, plan), hubcell::compare::load_model(beside, plan),
      hubcell::compare::input_set({{.name = "two", .positional = {2}, .named = {}, .label = {}}}),
      {.parts = {.speed = false}});
  const std::string text = hubcell::compare::to_text(found);
  std::printf("%s\n", text.substr(0, text.find('\n')).c_str());
} catch (const hubcell::Error& error) {
  std::fprintf(stderr, "outside: %s\n", error.what());
  return 1;
}
