// SPDX-License-Identifier: Apache-2.0
// For tests of protocols: an Exchange that keeps its response, and pictures described by tiny text files ("700x500
// 128" is a picture of that size in tiles of 128; anything else cannot be read), so that every pixel is known. The
// engine, the catalogue and the file system are the real ones.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "codec/deflate.hpp"
#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "http/message.hpp"
#include "io/scratch_dir.hpp"
#include "protocol/gradient.hpp"
#include "protocol/protocol.hpp"

namespace microtome::protocol {

class FakeExchange final : public http::Exchange {
 public:
  explicit FakeExchange(http::Request request) : request_(std::move(request)) {}
  [[nodiscard]] const http::Request& request() const override { return request_; }
  [[nodiscard]] const CancelToken& cancel() const override { return cancel_; }
  void respond(http::Response response) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_FALSE(done_) << "answered twice";
    response_ = std::move(response);
    done_ = true;
    ready_.notify_all();
  }
  http::Response wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(ready_.wait_for(lock, std::chrono::seconds(30), [&] { return done_; })) << "no answer";
    return std::move(response_);
  }
  [[nodiscard]] bool done() const {
    const std::scoped_lock lock(mutex_);
    return done_;
  }

 private:
  http::Request request_;
  CancelToken cancel_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  bool done_ = false;
  http::Response response_;
};

inline std::string body_of(const http::Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) {
    return *text;
  }
  if (const auto* bytes = std::get_if<Bytes>(&response.body)) {
    return std::string(as_text(*bytes));
  }
  if (const auto* shared = std::get_if<SharedBytes>(&response.body)) {
    return *shared ? std::string(as_text(**shared)) : std::string();
  }
  return {};
}

// A service over a scratch directory.
class ServiceTest : public testing::Test {
 protected:
  void start() {
    if (options.roots.directories.empty() && !no_root) {
      options.roots.directories = {dir.path()};
    }
    engine = engine::make_engine(engine_options, pool, {}, gradient_world());
    auto made = make_service(options, engine, pool, Log([this](LogLevel, std::string_view line) {
                               const std::scoped_lock lock(mutex);
                               lines.emplace_back(line);
                             }));
    ASSERT_TRUE(made) << made.error().message;
    handler = std::move(*made);
  }
  static http::Request request(std::string_view target) {
    http::Request made;
    const std::size_t mark = target.find('?');
    made.path = target.substr(0, mark);
    made.query = mark == std::string_view::npos ? "" : target.substr(mark + 1);
    return made;
  }
  http::Response send(http::Request made) {
    if (!handler) {
      start();
    }
    auto exchange = std::make_shared<FakeExchange>(std::move(made));
    handler(exchange);
    return exchange->wait();
  }
  http::Response get(std::string_view target) { return send(request(target)); }
  http::Response get(std::string_view target, std::string name, std::string value) {
    http::Request made = request(target);
    made.headers.add(std::move(name), std::move(value));
    return send(std::move(made));
  }
  std::string text(std::string_view target) { return body_of(get(target)); }
  int status(std::string_view target) { return get(target).status; }
  // "700x500" of a JPEG or PNG answer, else its status and text.
  std::string size(std::string_view target) {
    const http::Response response = get(target);
    const std::string body = body_of(response);
    if (response.status == 200 && response.headers.get("Content-Type") == "image/jpeg") {
      const auto info = codec::inspect_jpeg(as_bytes(body));
      return info ? std::to_string(info->width) + "x" + std::to_string(info->height) : "broken JPEG";
    }
    if (response.status == 200 && response.headers.get("Content-Type") == "image/png") {
      const auto info = codec::inspect_png(as_bytes(body));
      return info ? std::to_string(info->width) + "x" + std::to_string(info->height) : "broken PNG";
    }
    return std::to_string(response.status) + " " + body;
  }
  pixel::Image picture(std::string_view target) {
    const std::string body = text(target);
    auto decoded = codec::decode_png(as_bytes(body));
    EXPECT_TRUE(decoded) << target;
    return decoded ? std::move(*decoded) : pixel::Image::make(1, 1, 3, pixel::Colour::rgb);
  }

  io::ScratchDir dir;
  ServiceOptions options;
  engine::EngineOptions engine_options;
  bool no_root = false;
  std::mutex mutex;
  std::vector<std::string> lines;
  WorkPool pool{{.threads = 2}};
  std::shared_ptr<engine::Engine> engine;
  http::Handler handler;
};

}  // namespace microtome::protocol
