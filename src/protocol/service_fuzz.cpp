// SPDX-License-Identifier: Apache-2.0
// Whole requests against a service over real files: "path?query", or "POST path" and a body after a line end. Every
// request is answered exactly once, with a sensible status, and never with a path of the server.
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "http/uri.hpp"
#include "io/scratch_dir.hpp"
#include "protocol/gradient.hpp"
#include "protocol/protocol.hpp"

namespace {

using namespace microtome;            // NOLINT: a program of one function
using namespace microtome::protocol;  // NOLINT

class OneExchange final : public http::Exchange {
 public:
  explicit OneExchange(http::Request request) : request_(std::move(request)) {}
  [[nodiscard]] const http::Request& request() const override { return request_; }
  [[nodiscard]] const CancelToken& cancel() const override { return cancel_; }
  void respond(http::Response response) override {
    const std::scoped_lock lock(mutex_);
    if (done_) {
      std::abort();
    }
    response_ = std::move(response);
    done_ = true;
    ready_.notify_all();
  }
  const http::Response& wait() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return done_; });
    return response_;
  }

 private:
  http::Request request_;
  CancelToken cancel_;
  std::mutex mutex_;
  std::condition_variable ready_;
  bool done_ = false;
  http::Response response_;
};

struct World {
  io::ScratchDir dir;
  WorkPool pool{{.threads = 2}};
  http::Handler handler;

  World() {
    dir.write("a.tif", "700x500 128");
    dir.write("broken.tif", "nonsense");
    for (const char* name : {"s1", "s2", "s4"}) {
      dir.write(std::string("eye/") + name + ".tif", "400x300 128");
    }
    dir.write("eye/set.toml", "spacing_um = 5\n[[slice]]\nnumber = 2\ntransform = [1, 0, 2, 0, 1, 3]\n");
    dir.write("q/seq_pyr_000_090.tif", "40x30 16");
    ServiceOptions options;
    options.roots.directories = {dir.path()};
    options.catalogue.rescan_ms = 10'000;
    options.max_cvt = 500;
    engine::EngineOptions engine_options;
    engine_options.cache_bytes = 1 << 20;
    handler =
        make_service(options, engine::make_engine(engine_options, pool, {}, gradient_world()), pool, Log()).value();
  }
};

// Errors of IIP repeat what was asked; the fuzzer learns the name from our own search for it.
bool names(const http::Request& request, std::string_view directory) {
  for (const std::string* part : {&request.path, &request.query, &request.body}) {
    if (http::percent_decode(*part).value_or(*part).find(directory) != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  std::string_view text = as_text({data, size});
  http::Request request;
  if (text.starts_with("POST ")) {
    request.method = "POST";
    text.remove_prefix(5);
    const std::size_t line = text.find('\n');
    request.body = line == std::string_view::npos ? "" : text.substr(line + 1);
    text = text.substr(0, line);
  }
  const http::Target target = http::split_target(text);
  const auto path = http::normalise_path(target.path);
  if (!path) {
    return 0;  // transports refuse it
  }
  request.path = *path;
  request.query = target.query;
  auto exchange = std::make_shared<OneExchange>(std::move(request));
  world.handler(exchange);
  const http::Response& response = exchange->wait();
  if (response.status < 200 || response.status > 599) {
    std::abort();
  }
  if (const auto* answer = std::get_if<std::string>(&response.body)) {
    if (answer->find(world.dir.path()) != std::string::npos && !names(exchange->request(), world.dir.path())) {
      std::abort();
    }
  }
  return 0;
}
