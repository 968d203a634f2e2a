#include <cstdio>

#include <hubcell/torch.h>

int main(int, char** arguments) try {
  hubcell::Hub hub;
  const auto model = hubcell::torch::load(hub, arguments[1], "scale", {3});
  const at::Tensor answer = model.forward({at::ones({2}) * 2.5}).toTensor();
  std::printf("%g %g\n", answer[0].item<double>(), answer[1].item<double>());
} catch (const hubcell::Error& error) {
  std::fprintf(stderr, "outside: %s\n", error.what());
  return 1;
}
