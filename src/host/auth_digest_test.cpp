// SPDX-License-Identifier: Apache-2.0
#include "host/auth_digest.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

// The example of RFC 7616 section 3.9.1.
TEST(AuthDigest, GivesWhatTheStandardGives) {
  const std::string common = R"(username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", )"
                             R"(nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, )"
                             R"(cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, )";
  const auto md5 =
      read_digest_answer("Digest " + common + R"(algorithm=MD5, response="8ca523f5e9506fed4657c9700eebdbec")");
  ASSERT_TRUE(md5);
  const std::string secret = "Mufasa:http-auth@example.org:Circle of Life";
  EXPECT_EQ(digest_response(*md5, digest_hex(DigestKind::md5, secret), "GET"), md5->response);
  const auto sha = read_digest_answer(
      "digest " + common +
      R"(algorithm=SHA-256, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")");
  ASSERT_TRUE(sha);
  EXPECT_EQ(digest_response(*sha, digest_hex(DigestKind::sha256, secret), "GET"), sha->response);
  EXPECT_NE(digest_response(*sha, digest_hex(DigestKind::sha256, secret), "POST"), sha->response);
}

TEST(AuthDigest, RefusesAnswersThatMakeNoSense) {
  const std::string good = R"(Digest username="a", realm="r", nonce="n", uri="/", response="x")";
  EXPECT_TRUE(read_digest_answer(good));
  EXPECT_FALSE(read_digest_answer(good)->protects);
  for (const std::string& bad : {std::string("Basic YQ=="), std::string("Digest"), std::string("Digest username"),
                                 good + ", uri=\"/\"", good + ", qop=auth", good + ", qop=auth, nc=1",
                                 good + ", algorithm=MD5-sess", good + ", qop=auth-int, nc=1, cnonce=c",
                                 std::string(R"(Digest username="a:b", realm="r", nonce="n", uri="/", response="x")"),
                                 std::string(R"(Digest username="a, realm="r", nonce="n", uri="/", response="x")")}) {
    EXPECT_FALSE(read_digest_answer(bad)) << bad;
  }
}

TEST(AuthDigest, KnowsItsNoncesForTenMinutes) {
  const std::string secret = random_secret();
  const std::string nonce = make_nonce(secret, 1000);
  EXPECT_EQ(check_nonce(nonce, secret, 1000), Nonce::good);
  EXPECT_EQ(check_nonce(nonce, secret, 1600), Nonce::good);
  EXPECT_EQ(check_nonce(nonce, secret, 1601), Nonce::stale);
  EXPECT_EQ(check_nonce(nonce, secret, 999), Nonce::stale);
  EXPECT_EQ(check_nonce(nonce, random_secret(), 1000), Nonce::foreign);
  EXPECT_EQ(check_nonce('9' + nonce, secret, 1000), Nonce::foreign);
  EXPECT_EQ(check_nonce("", secret, 1000), Nonce::foreign);
}

}  // namespace
}  // namespace microtome::host
