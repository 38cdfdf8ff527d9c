// SPDX-License-Identifier: Apache-2.0
// Whatever a client sends over HTTP/2, in whatever pieces: no crash, no leak, every request is answered or its user
// is told once that it ended.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "host/h2_session.hpp"

namespace {

using namespace microtome;        // NOLINT
using namespace microtome::host;  // NOLINT

// Answers in one of several ways, by the request's path.
class User final : public StreamUser, public std::enable_shared_from_this<User> {
 public:
  explicit User(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) { ++alive; }
  ~User() override { --alive; }
  void start() {
    const std::string& path = stream_->head().path;
    if (stream_->has_body()) {
      stream_->want_body();
      return stream_->commit();
    }
    if (path.size() % 3 == 1) {
      stream_->begin({}, std::nullopt);
      stream_->write(std::string(path.size() * 1000, 'x'));
      path.size() % 2 == 0 ? stream_->cut() : stream_->end();
    } else {
      http::Response response;
      response.status = path.size() % 5 == 0 ? 204 : 200;
      response.headers.add("X-Path", path);
      response.body = path;
      stream_->respond(std::move(response));
    }
    stream_->commit();
  }
  void body_arrived() override {
    size_ += stream_->take_body().size();
    if (stream_->body_ended() && !stream_->begun()) {
      http::Response response;
      response.body = std::to_string(size_);
      stream_->respond(std::move(response));
    }
    stream_->commit();
  }
  void drained() override {}
  void client_gone() override { end(); }
  void finished(bool /*whole*/, std::uint64_t /*sent*/) override { end(); }
  inline static int alive = 0;

 private:
  void end() {
    if (ended_) {
      std::abort();
    }
    ended_ = true;
    stream_.reset();
  }
  std::shared_ptr<Stream> stream_;
  std::size_t size_ = 0;
  bool ended_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  {
    H2Session::Links links;
    links.serve = [](const std::shared_ptr<Stream>& stream) -> std::shared_ptr<StreamUser> {
      auto user = std::make_shared<User>(stream);
      user->start();
      return user;
    };
    links.wake = [] {};
    links.queue = [] { return std::make_unique<net::SendQueue>(); };
    links.date = [] { return std::string("Mon, 23 Nov 2026 00:00:00 GMT"); };
    links.limits = [](const ConnectionLimits&) {};
    H2Session session(std::move(links), {}, {}, Log());
    const std::size_t step = 1 + data[0] * 7U;
    const bool greeted = data[1] % 2 == 0;  // else the preface, too, is the input's
    std::string input(reinterpret_cast<const char*>(data) + 2, size - 2);
    if (greeted) {
      input.insert(0, std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
    }
    net::SendQueue out;
    for (std::size_t at = 0; at < input.size(); at += step) {
      const bool good = session.feed(std::string_view(input).substr(at, step));
      session.service();
      session.produce(out, 1 << 20);
      out.clear();
      if (!good || session.finished()) {
        break;
      }
    }
    session.client_gone();
  }
  if (User::alive != 0) {
    std::abort();
  }
  return 0;
}
