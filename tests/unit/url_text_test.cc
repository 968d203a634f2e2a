// What URLs and names of files say, as text of anyone's.
#include <gtest/gtest.h>

#include <string>

#include "shared/base/url_text.h"

namespace hubcell {
namespace {

TEST(PlainHost, IsInLowerCaseAndWithoutAPort) {
  EXPECT_EQ(plain_host_of("https://Example.org/a@b"), "example.org");
  EXPECT_EQ(plain_host_of("HTTP://example.org:8080?x"), "example.org");
  EXPECT_EQ(plain_host_of("http://127.0.0.1"), "127.0.0.1");
}

TEST(PlainHost, IsEmptyWhereReadersCouldDiffer) {
  for (const char* url : {"", "http:", "http://", "http:///a", "ftp://a", "a", "/a://b", "xhttp://a",
                          "http://u@a", "http://u:p@a", "http://[::1]/", "http://a\\b",
                          "http://a:", "http://a:8x", "http://a b", "http://a:8:9", "http://a%2e"})
    EXPECT_EQ(plain_host_of(url), "") << url;
}

TEST(FileName, IsTheLastPartOfThePath) {
  EXPECT_EQ(file_name_of("https://host/a/b.pth?x=/c#d/e"), "b.pth");
  EXPECT_EQ(file_name_of("file:///a/b.pth"), "b.pth");
  EXPECT_EQ(file_name_of("https://host/a/"), "");
  EXPECT_EQ(file_name_of("https://host"), "");
}

TEST(HashInName, IsWhatTorchHubTakesForOne) {
  EXPECT_EQ(hash_in_name("resnet18-f37072fd.pth"), "f37072fd");
  EXPECT_EQ(hash_in_name("a-b-0676ba61.pth"), "0676ba61");
  EXPECT_EQ(hash_in_name("a-.pth"), "");
  EXPECT_EQ(hash_in_name("a-xyz.pth"), "");
  EXPECT_EQ(hash_in_name("f37072fd.pth"), "");
  EXPECT_EQ(hash_in_name("a-f37072fd"), "");
}

TEST(PercentDecoded, TakesTwoDigits) {
  EXPECT_EQ(percent_decoded("%20a"), ' ');
  EXPECT_EQ(percent_decoded("%fF"), '\xff');
  for (const char* text : {"", "a", "%", "%2", "%2g", "%-1"})
    EXPECT_EQ(percent_decoded(text), std::nullopt) << text;
}

// A pattern of std::regex takes stack for each letter.
TEST(UrlText, MayBeOfAnyLength) {
  const std::string rest(10'000'000, 'a');
  EXPECT_EQ(plain_host_of("https://host/" + rest), "host");
  EXPECT_EQ(plain_host_of("https://" + rest).size(), rest.size());
  EXPECT_EQ(file_name_of("https://host/" + rest).size(), rest.size());
  EXPECT_EQ(hash_in_name("a-" + rest), "");
  EXPECT_EQ(hash_in_name(std::string(1'000'000, '-')), "");
}

}  // namespace
}  // namespace hubcell
