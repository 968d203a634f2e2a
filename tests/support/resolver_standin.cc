// Preloaded into a fetcher: a resolver for which public.example has the address of this machine, as whoever owns a name can
// have it answered, when they like.
#include <dlfcn.h>
#include <netdb.h>

#include <cstring>

extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* name, const char* service,
                                                                  const addrinfo* hints, addrinfo** found) {
  using Resolver = decltype(&getaddrinfo);
  static const auto real = reinterpret_cast<Resolver>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const bool is_ours = name != nullptr && std::strcmp(name, "public.example") == 0;
  return real(is_ours ? "127.0.0.1" : name, service, hints, found);
}
