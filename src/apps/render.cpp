// SPDX-License-Identifier: Apache-2.0
#include "apps/render.hpp"

#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "apps/logging.hpp"
#include "io/atomic_file.hpp"

namespace microtome::apps {
namespace {

// An exchange whose client is this process.
class LocalExchange final : public http::Exchange {
 public:
  explicit LocalExchange(http::Request request) : request_(std::move(request)) {}
  ~LocalExchange() override {
    respond({.status = 500, .headers = {}, .body = std::string("nothing answered the request\n")});
  }
  LocalExchange(const LocalExchange&) = delete;
  LocalExchange& operator=(const LocalExchange&) = delete;
  [[nodiscard]] const http::Request& request() const override { return request_; }
  [[nodiscard]] const CancelToken& cancel() const override { return cancel_; }
  void respond(http::Response response) override {
    if (!answered_.exchange(true)) {
      promise_.set_value(std::move(response));
    }
  }
  std::future<http::Response> answer() { return promise_.get_future(); }

 private:
  http::Request request_;
  CancelToken cancel_;
  std::atomic<bool> answered_ = false;
  std::promise<http::Response> promise_;
};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

Result<Bytes> collect(const http::Body& body) {
  const auto add = [](Bytes& out, const SharedBytes& bytes) {
    if (bytes) {
      out.insert(out.end(), bytes->begin(), bytes->end());
    }
  };
  return std::visit(
      Overloaded{[](const std::monostate&) -> Result<Bytes> { return Bytes{}; },
                 [](const std::string& text) -> Result<Bytes> { return Bytes(text.begin(), text.end()); },
                 [](const Bytes& bytes) -> Result<Bytes> { return bytes; },
                 [](const SharedBytes& bytes) -> Result<Bytes> { return bytes ? *bytes : Bytes{}; },
                 [&](const http::FileBody& file) -> Result<Bytes> {
                   Bytes out;
                   add(out, file.prefix);
                   for (const auto& range : file.ranges) {
                     auto part = range.file->read(range.offset, static_cast<std::size_t>(range.length));
                     if (!part) {
                       return part;
                     }
                     out.insert(out.end(), part->begin(), part->end());
                   }
                   add(out, file.suffix);
                   return out;
                 },
                 [](const std::shared_ptr<http::Producer>& producer) -> Result<Bytes> {
                   Bytes out;
                   for (;;) {
                     const auto more = producer->pull(out);
                     if (!more) {
                       return std::unexpected(more.error());
                     }
                     if (!*more) {
                       return out;
                     }
                   }
                 }},
      body);
}

int complain(const std::string& text) {
  std::fprintf(stderr, "microtome: %s\n", text.c_str());
  return 1;
}

Result<void> write_to(std::FILE* file, const Bytes& body, const std::string& name) {
  if (std::fwrite(body.data(), 1, body.size(), file) != body.size() || std::fflush(file) != 0) {
    return fail(Code::io, "writing failed", name + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
  }
  return {};
}

// Files appear whole or not at all; pipes and devices are written to, as a shell would.
Result<void> write_out(const Bytes& body, const std::string& path) {
  if (path.empty() || path == "-") {
    return write_to(stdout, body, "standard output");
  }
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wbe"), std::fclose);
    if (file == nullptr) {
      return fail(Code::io, "cannot write", path + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    }
    return write_to(file.get(), body, path);
  }
  auto file = io::AtomicFile::create(path);
  auto written = file ? file->write(body) : std::unexpected(file.error());
  return written ? file->commit() : written;
}

}  // namespace

int render(const RenderOptions& options, const ServerPlan& plan) {
  const Logging logging("", LogLevel::error);
  WorkPool pool({.threads = plan.threads});
  const auto handler = make_handler(plan, pool, logging.log());
  if (!handler) {
    return complain(handler.error().message);
  }
  http::Request request;
  const auto question = options.target.find('?');
  request.path = options.target.substr(0, question);
  if (request.path.empty() || request.path.front() != '/') {
    request.path.insert(0, "/");
  }
  if (question != std::string::npos) {
    request.query = options.target.substr(question + 1);
  }
  request.authority = "localhost";
  auto exchange = std::make_shared<LocalExchange>(std::move(request));
  auto answer = exchange->answer();
  (*handler)(std::move(exchange));
  const http::Response response = answer.get();
  const auto body = collect(response.body);
  if (!body) {
    return complain(body.error().message);
  }
  if (response.status != 200) {
    return complain("answer " + std::to_string(response.status) + ": " + std::string(as_text(*body)));
  }
  const auto written = write_out(*body, options.output);
  return written ? 0 : complain(written.error().message + ": " + written.error().context);
}

}  // namespace microtome::apps
