#include <cstdio>

#include <hubcell/hub.h>

int main(int, char** arguments) try {
  hubcell::Hub hub;
  const hubcell::Object model = hub.load(arguments[1], "scale", {3});
  const hubcell::Value answer = model({hubcell::Tensor::of<float>(hubcell::DType::Float32, {2}, {1, 2.5F})});
  std::printf("%g %g\n", answer.tensor().items<float>()[0], answer.tensor().items<float>()[1]);
} catch (const hubcell::Error& error) {
  std::fprintf(stderr, "outside: %s\n", error.what());
  return 1;
}
