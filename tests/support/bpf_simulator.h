// What a filter of system calls decides, found by running its instructions here: for architectures that this machine is not.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace hubcell::tests {

// The action (SECCOMP_RET_*), or nothing where the program does what libseccomp's do not: other instructions, jumps
// beyond the end. The instructions are those of Linux's Documentation/networking/filter.rst.
inline std::optional<std::uint32_t> decide(const std::vector<sock_filter>& program,
                                           const seccomp_data& call) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& instruction = program[at];
    const auto jump = [&](bool condition) { at += condition ? instruction.jt : instruction.jf; };
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (instruction.k > sizeof(call) - sizeof(accumulator)) return std::nullopt;
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&call) + instruction.k, sizeof(accumulator));
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= instruction.k;
        break;
      case BPF_JMP | BPF_JA:
        at += instruction.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(accumulator == instruction.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(accumulator >= instruction.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(accumulator > instruction.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        jump((accumulator & instruction.k) != 0);
        break;
      case BPF_RET | BPF_K:
        return instruction.k;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace hubcell::tests
