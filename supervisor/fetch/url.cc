#include "supervisor/fetch/url.h"

#include <curl/curl.h>

#include <memory>

#include "shared/base/url_text.h"
#include "supervisor/source/ref_name.h"

namespace hubcell::fetch {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

Url parse(const std::string& text) {
  Url url(::curl_url());
  if (!url || ::curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (!url || ::curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return "";
  std::string copy = text;
  ::curl_free(text);
  return copy;
}

}  // namespace

std::string origin_of(const std::string& text) {
  const Url url = parse(text);
  return source::lower_case(part(url, CURLUPART_SCHEME) + "://" + part(url, CURLUPART_HOST)) + ":" +
         part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string host_of(const std::string& text, const std::string& reference) {
  const Url url = parse(text);
  if (url && !reference.empty() &&
      ::curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK)
    return "";
  return part(url, CURLUPART_HOST);
}

std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::optional<char> byte = percent_decoded(text.substr(i));
    plain += byte.value_or(text[i]);
    if (byte) i += 2;
  }
  return plain;
}

std::string without_credentials(const std::string& text) {
  const Url url = parse(text);
  if (!url) return text;
  if (part(url, CURLUPART_USER).empty() && part(url, CURLUPART_PASSWORD).empty()) return text;
  ::curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  ::curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  return part(url, CURLUPART_URL);
}

}  // namespace hubcell::fetch
