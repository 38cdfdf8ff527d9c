// SPDX-License-Identifier: Apache-2.0
#include "host/health.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "host/gateway.hpp"
#include "host/proxy.hpp"
#include "host/scgi.hpp"
#include "net/fcgi_records.hpp"

namespace microtome::host {
namespace {

// A request that has no client: no body, and nobody reads the answer.
class SilentStream final : public Stream {
 public:
  net::Head& head() override { return head_; }
  [[nodiscard]] const Endpoint& endpoint() const override { return endpoint_; }
  [[nodiscard]] const char* protocol() const override { return "HTTP/1.1"; }
  void want_body() override {}
  std::string take_body() override { return {}; }
  [[nodiscard]] bool body_ended() const override { return true; }
  [[nodiscard]] bool has_body() const override { return false; }
  void limit_body(std::uint64_t /*bytes*/) override {}
  void respond(http::Response /*response*/) override {}
  void begin(http::Response /*head*/, std::optional<std::uint64_t> /*length*/) override {}
  void write(std::string_view /*bytes*/) override {}
  void end() override {}
  void cut() override {}
  [[nodiscard]] std::size_t unsent() const override { return 0; }
  [[nodiscard]] bool begun() const override { return false; }
  void commit() override {}
  void limits(const ConnectionLimits& /*limits*/) override {}

 private:
  net::Head head_;
  Endpoint endpoint_;
};

std::string variables(const std::string& target) {
  const std::size_t query = target.find('?');
  std::string out;
  const std::pair<std::string_view, std::string> all[] = {
      {"REQUEST_METHOD", "GET"},
      {"REQUEST_URI", target},
      {"SCRIPT_NAME", target.substr(0, query)},
      {"SCRIPT_FILENAME", target.substr(0, query)},
      {"QUERY_STRING", query == std::string::npos ? "" : target.substr(query + 1)},
      {"CONTENT_LENGTH", "0"},
      {"SERVER_PROTOCOL", "HTTP/1.1"},
      {"GATEWAY_INTERFACE", "CGI/1.1"},
      {"SERVER_SOFTWARE", "microtome-host"},
      {"SERVER_NAME", "localhost"},
      {"SERVER_ADDR", "127.0.0.1"},
      {"SERVER_PORT", "80"},
      {"REMOTE_ADDR", "127.0.0.1"},
      {"HTTP_HOST", "localhost"},
      {"HTTP_USER_AGENT", "microtome-host health check"},
  };
  for (const auto& [name, value] : all) {
    net::fcgi::append_pair(out, name, value);
  }
  return out;
}

}  // namespace

// One question. Ends with finish(), once.
class HealthWatch::Probe final : public AnswerSink, public std::enable_shared_from_this<Probe> {
 public:
  explicit Probe(std::shared_ptr<HealthWatch> watch) : watch_(std::move(watch)) {}

  void start(const std::shared_ptr<App>& app) {
    const AppSpec& spec = app->spec();
    const std::string target = spec.health_path;
    if (spec.protocol == Protocol::fastcgi) {
      GatewayRequest request;
      request.apps = {app};
      request.content_length = 0;
      request.name = target;
      request.params = [target](const App&, std::optional<std::uint64_t>) { return variables(target); };
      upstream_ = std::make_shared<GatewayRun>(std::move(request), *this);
    } else {
      ProxyRequest request;
      request.apps = {app};
      request.content_length = 0;
      request.name = target;
      request.cgi = spec.protocol == Protocol::scgi;
      request.text = [target, cgi = request.cgi](const App& server, std::optional<std::uint64_t>) {
        return cgi ? scgi_head(variables(target), 0)
                   : "GET " + target + " HTTP/1.1\r\nHost: " + server.spec().host +
                         "\r\nUser-Agent: microtome-host health check\r\nConnection: close\r\n\r\n";
      };
      upstream_ = std::make_shared<ProxyRun>(std::move(request), *this);
    }
    const auto upstream = upstream_;
    upstream->start();
  }

  Stream& stream() override { return stream_; }
  bool upstream_head(CgiHead head) override {
    status_ = head.status;
    return false;
  }
  void upstream_body(std::string_view /*bytes*/) override {}
  bool full() override { return false; }
  void upstream_end() override { over_ = true; }
  void upstream_cut() override { over_ = true; }
  void upstream_failed(int status, const std::string& /*reason*/) override {
    status_ = status;
    over_ = true;
  }
  void commit() override {
    const auto self = shared_from_this();
    if (over_) {
      upstream_.reset();
      if (const auto watch = std::exchange(watch_, nullptr)) {
        watch->answered(*this, status_);
      }
    }
  }

 private:
  std::shared_ptr<HealthWatch> watch_;
  std::shared_ptr<Upstream> upstream_;
  SilentStream stream_;
  int status_ = 0;
  bool over_ = false;
};

void HealthWatch::begin(const std::shared_ptr<App>& app) {
  if (!app->spec().health_path.empty() && app->spec().health_interval.count() > 0) {
    std::make_shared<HealthWatch>(app)->ask_later();
  }
}

void HealthWatch::ask_later() {
  if (const auto app = app_.lock()) {
    app->context().timers->after(app->spec().health_interval, [self = shared_from_this()] { self->ask(); });
  }
}

// Each process that has nothing to do gets a question: the app gives them to the idle ones first.
void HealthWatch::ask() {
  const auto app = app_.lock();
  if (!app || app->stopping()) {
    return;
  }
  const auto idle = std::ranges::count_if(
      app->slots(), [](const auto& slot) { return slot->state == Slot::State::up && slot->load == 0; });
  // A server that is not ours and comes last has no other way to be found well again.
  const auto wanted = app->spec().ours() ? idle : std::max<std::ptrdiff_t>(idle, 1);
  if (probes_.empty()) {
    for (std::ptrdiff_t i = 0; i < wanted; ++i) {
      probes_.push_back(std::make_shared<Probe>(shared_from_this()));
    }
    for (const auto& probe : std::vector(probes_)) {
      probe->start(app);
    }
  }
  ask_later();
}

void HealthWatch::answered(const Probe& probe, int status) {
  const auto app = app_.lock();
  if (app) {
    const bool well = status > 0 && status < 500;
    if (app->well() != well) {
      const std::string text = app->spec().label + ": " + app->spec().health_path;
      well ? app->context().log.info(text + ": is well again")
           : app->context().log.error(text + ": is not well (" + std::to_string(status) + ')');
    }
    app->set_well(well);
  }
  std::erase_if(probes_, [&](const auto& each) { return each.get() == &probe; });
}

}  // namespace microtome::host
