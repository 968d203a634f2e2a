// Two versions of one repository in one libtorch program. Each runs its own code, in a sandboxed process of
// its own.
#include <cstdio>

#include <hubcell/torch.h>

namespace {

// silero_vad returns (model, functions): the model comes first.
hubcell::torch::Module load_vad(hubcell::Hub& hub, const std::string& ref) {
  return hubcell::torch::Module(hub.load("snakers4/silero-vad@" + ref, "silero_vad")[0]);
}

// The probability that 32 ms of sound at 16 kHz are speech.
double speech_probability(const hubcell::torch::Module& model, const at::Tensor& chunk) {
  return model.forward({chunk, 16000}).toTensor().item<double>();
}

}  // namespace

int main() {
  try {
    hubcell::Hub hub;
    const hubcell::torch::Module old_model = load_vad(hub, "v5.1");
    const hubcell::torch::Module new_model = load_vad(hub, "v6.0");

    at::manual_seed(0);
    const at::Tensor chunk = at::rand({512}) * 2 - 1;
    std::printf("v5.1  %.6f\n", speech_probability(old_model, chunk));
    std::printf("v6.0  %.6f\n", speech_probability(new_model, chunk));
  } catch (const hubcell::Error& error) {
    std::fprintf(stderr, "two_versions: %s\n", error.what());
    return 1;
  }
}
