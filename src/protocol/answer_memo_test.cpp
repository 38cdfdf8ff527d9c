// SPDX-License-Identifier: Apache-2.0
#include "protocol/answer_memo.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace microtome::protocol {
namespace {

class AnswerMemoTest : public testing::Test {
 protected:
  AnswerMemoTest() {
    path_ = std::filesystem::temp_directory_path() / ("answer-memo-" + std::to_string(getpid()));
    std::ofstream(path_) << "0123456789";
    file_ = *io::File::open(path_);
    request_.path = "/iip";
    request_.query = "FIF=a.tif&JTL=1,2";
    request_.authority = "example.org";
    response_.headers.add("Content-Type", "image/jpeg");
    response_.headers.add("ETag", "\"x\"");
    response_.body = http::FileBody{nullptr, {{file_, 2, 5}}, nullptr};
  }
  ~AnswerMemoTest() override { std::filesystem::remove(path_); }

  void keep() { memo_.keep(this, request_, response_, name_, picture_); }
  bool known(const http::Request& request) { return memo_.find(this, request).has_value(); }

  std::filesystem::path path_;
  io::FilePtr file_;
  AnswerMemo memo_;
  http::Request request_;
  http::Response response_;
  std::shared_ptr<Lease> name_ = std::make_shared<Lease>(Lease::now_ns() + 60'000'000'000);
  std::shared_ptr<Lease> picture_ = std::make_shared<Lease>(Lease::now_ns() + 60'000'000'000);
};

TEST_F(AnswerMemoTest, GivesTheSameAnswerAgain) {
  EXPECT_FALSE(known(request_));
  keep();
  const auto again = memo_.find(this, request_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 200);
  ASSERT_TRUE(again->lines);
  EXPECT_EQ(*again->lines, "Content-Type: image/jpeg\r\n");
  EXPECT_EQ(again->headers.get("ETag"), "\"x\"");
  const auto* body = std::get_if<http::FileBody>(&again->body);
  ASSERT_TRUE(body);
  ASSERT_EQ(body->ranges.size(), 1U);
  EXPECT_EQ(body->ranges[0].file, file_);
  EXPECT_EQ(body->ranges[0].offset, 2U);
  EXPECT_EQ(body->ranges[0].length, 5U);
  request_.method = "HEAD";
  EXPECT_TRUE(known(request_));
}

TEST_F(AnswerMemoTest, OnlyForTheSameAddress) {
  keep();
  for (std::string http::Request::* part : {&http::Request::path, &http::Request::query, &http::Request::authority,
                                            &http::Request::scheme, &http::Request::mount}) {
    http::Request other = request_;
    other.*part += "x";
    EXPECT_FALSE(known(other));
  }
  EXPECT_FALSE(memo_.find(&memo_, request_)) << "another tree of files";
  http::Request post = request_;
  post.method = "POST";
  EXPECT_FALSE(known(post));
}

TEST_F(AnswerMemoTest, NotWhenTheRequestHasConditions) {
  keep();
  for (const char* name : {"If-None-Match", "if-modified-since", "Range", "If-Range"}) {
    http::Request asked = request_;
    asked.headers.add(name, "anything");
    EXPECT_FALSE(known(asked)) << name;
  }
}

TEST_F(AnswerMemoTest, OnlyWhileBothLeasesHold) {
  keep();
  name_->end();
  EXPECT_FALSE(known(request_));
  name_->extend(Lease::now_ns() + 60'000'000'000);
  EXPECT_TRUE(known(request_));
  picture_->end();
  EXPECT_FALSE(known(request_));
}

TEST_F(AnswerMemoTest, KeepsNoFileOpen) {
  keep();
  response_.body = {};
  file_.reset();
  EXPECT_FALSE(known(request_));
}

TEST_F(AnswerMemoTest, RefusesWhatMayDifferNextTime) {
  response_.headers.add("Vary", "Accept");
  keep();
  EXPECT_FALSE(known(request_));
  response_.headers = {};
  response_.status = 404;
  keep();
  EXPECT_FALSE(known(request_));
  response_.status = 200;
  request_.query = std::string(AnswerMemo::kMostAddress + 1, 'q');
  keep();
  EXPECT_FALSE(known(request_));
}

TEST_F(AnswerMemoTest, TilesOfOnePictureShareWhatTheyHaveInCommon) {
  keep();
  const auto one = memo_.find(this, request_);
  request_.query = "FIF=a.tif&JTL=1,3";
  response_.headers = {};
  response_.headers.add("Content-Type", "image/jpeg");
  response_.headers.add("ETag", "\"y\"");
  response_.body = http::FileBody{nullptr, {{file_, 7, 2}}, nullptr};
  keep();
  const auto other = memo_.find(this, request_);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->lines.get(), other->lines.get());
  EXPECT_EQ(other->headers.get("ETag"), "\"y\"");
  EXPECT_EQ(std::get<http::FileBody>(other->body).ranges[0].offset, 7U);
}

TEST_F(AnswerMemoTest, KeepsApartWhatDiffers) {
  keep();
  request_.query = "FIF=a.tif&JTL=1,3";
  response_.headers.add("Link", "<elsewhere>;rel=\"canonical\"");
  keep();
  EXPECT_NE(memo_.find(this, request_)->lines->find("Link: <elsewhere>"), std::string::npos);
  request_.query = "FIF=a.tif&JTL=1,2";
  EXPECT_EQ(memo_.find(this, request_)->lines->find("Link"), std::string::npos);
}

TEST_F(AnswerMemoTest, AnotherAnswerTakesThePlaceOfTheOld) {
  keep();
  response_.body = http::FileBody{nullptr, {{file_, 0, 1}}, nullptr};
  keep();
  const auto again = memo_.find(this, request_);
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<http::FileBody>(again->body).ranges[0].length, 1U);
}

TEST_F(AnswerMemoTest, HoldsABoundedNumber) {
  const std::size_t all = 3 * AnswerMemo::kSets * AnswerMemo::kWays;
  for (std::size_t i = 0; i < all; ++i) {
    request_.query = "tile=" + std::to_string(i);
    keep();
  }
  std::size_t held = 0;
  for (std::size_t i = 0; i < all; ++i) {
    request_.query = "tile=" + std::to_string(i);
    held += known(request_) ? 1 : 0;
  }
  EXPECT_LE(held, AnswerMemo::kSets * AnswerMemo::kWays);
  EXPECT_GT(held, AnswerMemo::kSets * AnswerMemo::kWays / 2);
}

}  // namespace
}  // namespace microtome::protocol
