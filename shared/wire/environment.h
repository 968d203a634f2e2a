// The environment variables that travel: from the program to its supervisor (Hello), and on to templates.
//
// Allow-lists, because tokens and credentials live in environments.
#pragma once

#include <array>

namespace hubcell::wire {

// What a template, and so its workers, may inherit. Locale and time zone change what code prints; library paths are needed
// by some interpreters. Sanitizers' options let an instrumented build be tested.
inline constexpr std::array kTemplateVariables{"PATH",
                                               "HOME",
                                               "LANG",
                                               "LANGUAGE",
                                               "LC_ALL",
                                               "LC_CTYPE",
                                               "TZ",
                                               "OMP_NUM_THREADS",
                                               "MKL_NUM_THREADS",
                                               "TMPDIR",
                                               "USER",
                                               "LOGNAME",
                                               "LD_LIBRARY_PATH",
                                               "LD_PRELOAD",
                                               "ASAN_OPTIONS",
                                               "UBSAN_OPTIONS",
                                               "TSAN_OPTIONS",
                                               "HUBCELL_LOG",
                                               "HUBCELL_LOG_FORMAT",
                                               "HUBCELL_TEST_LANDLOCK_ABI"};

// What decides about names, caches and interpreters, and is the supervisor's alone.
inline constexpr std::array kSupervisorVariables{"HUBCELL_PYTHON", "TORCH_HOME", "XDG_CACHE_HOME",
                                                 "VIRTUAL_ENV"};

// What the fetcher gets, and nobody else: how other machines are reached. Of http_proxy there is one spelling:
// the other one can be set from outside of a CGI program.
inline constexpr std::array kNetworkVariables{"HUBCELL_GITHUB_URL",
                                              "HUBCELL_ALLOW_PRIVATE_ADDRESSES",
                                              "SSL_CERT_FILE",
                                              "SSL_CERT_DIR",
                                              "http_proxy",
                                              "https_proxy",
                                              "HTTPS_PROXY",
                                              "all_proxy",
                                              "ALL_PROXY",
                                              "no_proxy",
                                              "NO_PROXY"};

// As whom they are reached: for a fetcher that works for the program itself, and not for one that works for a worker.
inline constexpr std::array kIdentityVariables{"GITHUB_TOKEN", "SSH_AUTH_SOCK"};

}  // namespace hubcell::wire
