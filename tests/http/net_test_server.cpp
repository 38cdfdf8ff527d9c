// SPDX-License-Identifier: Apache-2.0
// net_test_server: both transports with canned answers, for black-box tests and for bench/.
//   net_test_server --listen 127.0.0.1:0 --fastcgi unix:/tmp/x.sock --file PICTURE [--KEY VALUE ...]
// Prints one line "listening on ..." per address, then "ready". SIGTERM and SIGINT drain.
//   /echo               the request as JSON            /hello            "hello\n"
//   /file?o=&n=         bytes of --file after a prefix /files/NAME       a file of --dir, whole
//   /big?n=             n bytes in memory              /produce?n=&count=&known=1&fail=  a producer
//   /later?ms=          answered by a worker           /hold             answered when the client has gone
//   /drop               never answered                 /gone             how often /hold saw its client go
//   /bad-header         header with a line break       /status?n=        that status
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "http/status.hpp"
#include "http/text.hpp"
#include "http/uri.hpp"
#include "net/inherited.hpp"
#include "net/server.hpp"

namespace {

using namespace microtome;

struct Flags {
  std::map<std::string, std::string> one;
  std::vector<net::Listen> listen;
};

std::uint64_t number(const http::Request& request, std::string_view name, std::uint64_t otherwise) {
  for (const http::QueryItem& item : http::split_query(request.query)) {
    if (item.name == name) {
      return http::parse_decimal(item.value).value_or(otherwise);
    }
  }
  return otherwise;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string as_json(const http::Request& request) {
  std::string headers;
  for (const http::Header& header : request.headers.all()) {
    headers += (headers.empty() ? "[" : ",[") + quoted(header.name) + "," + quoted(header.value) + "]";
  }
  return "{\"method\":" + quoted(request.method) + ",\"path\":" + quoted(request.path) +
         ",\"query\":" + quoted(request.query) + ",\"body\":" + quoted(request.body) +
         ",\"scheme\":" + quoted(request.scheme) + ",\"authority\":" + quoted(request.authority) +
         ",\"mount\":" + quoted(request.mount) + ",\"remote\":" + quoted(request.remote_address) +
         ",\"root\":" + quoted(request.document_root) + ",\"headers\":[" + headers + "]}\n";
}

class Pieces : public http::Producer {
 public:
  Pieces(std::uint64_t size, std::uint64_t count, bool known, std::uint64_t fail_at)
      : size_(size), count_(count), known_(known), fail_at_(fail_at) {}
  Result<bool> pull(Bytes& out) override {
    if (++made_ == fail_at_) {
      return fail(Code::io, "the producer failed", "as it was told to");
    }
    out.insert(out.end(), size_, static_cast<std::uint8_t>('a' + made_ % 26));
    return made_ < count_;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override {
    return known_ ? std::optional(size_ * count_) : std::nullopt;
  }

 private:
  std::uint64_t size_, count_;
  bool known_;
  std::uint64_t fail_at_;
  std::uint64_t made_ = 0;
};

class Canned {
 public:
  Canned(WorkPool& pool, io::FilePtr file, std::string directory)
      : pool_(pool), file_(std::move(file)), directory_(std::move(directory)) {
    prefix_ = std::make_shared<const Bytes>(600, 'p');
  }

  void handle(const http::ExchangePtr& exchange) {
    const http::Request& request = exchange->request();
    if (request.path == "/file") {
      exchange->respond(part_of_file(request));
    } else if (request.path.starts_with("/files/")) {
      exchange->respond(whole_file(request));
    } else if (request.path == "/later") {
      later(exchange, std::chrono::milliseconds(number(request, "ms", 10)));
    } else if (request.path == "/hold") {
      hold(exchange);
    } else if (request.path != "/drop") {
      exchange->respond(simple(request));
    }
  }

 private:
  http::Response simple(const http::Request& request) {
    http::Response response = http::text_response(200, "hello");
    if (request.path == "/echo") {
      response.headers.set("Content-Type", "application/json");
      response.body = as_json(request);
    } else if (request.path == "/big") {
      response.body = Bytes(number(request, "n", 1 << 20), 'b');
    } else if (request.path == "/gone") {
      response.body = std::to_string(gone_.load()) + "\n";
    } else if (request.path == "/produce") {
      response.body = std::shared_ptr<http::Producer>(
          std::make_shared<Pieces>(number(request, "n", 65536), number(request, "count", 4),
                                   number(request, "known", 0) != 0, number(request, "fail", 0)));
    } else if (request.path == "/bad-header") {
      response.headers.add("X-Bad", "a\r\nX-Smuggled: 1");
    } else if (request.path == "/status") {
      response.status = static_cast<int>(number(request, "n", 200));
    } else if (request.path != "/hello") {
      response = http::text_response(404, "no such thing");
    }
    return response;
  }

  http::Response part_of_file(const http::Request& request) {
    http::Response response;
    response.headers.add("Content-Type", "image/jpeg");
    const std::uint64_t offset = number(request, "o", 0);
    const std::uint64_t length = number(request, "n", file_ ? file_->size() : 0);
    response.body = http::FileBody{prefix_, {{file_, offset, length}}, nullptr};
    return response;
  }

  http::Response whole_file(const http::Request& request) {
    // One file stays open, as a pyramid would; names only choose where in it the range begins.
    auto file = io::File::open(directory_ + "/" + std::string(request.path.substr(7)));
    if (!file) {
      return http::error_response(file.error());
    }
    http::Response response;
    response.headers.add("Content-Type", "image/jpeg");
    response.body = http::FileBody{nullptr, {{*file, 0, (*file)->size()}}, nullptr};
    return response;
  }

  void later(const http::ExchangePtr& exchange, std::chrono::milliseconds wait) {
    (void)pool_.submit(WorkClass::tile, exchange->cancel(), [exchange, wait](bool) {
      std::this_thread::sleep_for(wait);
      exchange->respond(http::text_response(200, "later"));
    });
  }

  void hold(const http::ExchangePtr& exchange) {
    (void)pool_.submit(WorkClass::tile, exchange->cancel(), [exchange, this](bool) {
      for (int i = 0; i < 2000 && !exchange->cancel().cancelled(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      gone_ += exchange->cancel().cancelled() ? 1 : 0;
      exchange->respond(http::error_response({Code::cancelled, "cancelled", ""}));
    });
  }

  WorkPool& pool_;
  io::FilePtr file_;
  std::string directory_;
  SharedBytes prefix_;
  std::atomic<int> gone_{0};
};

net::ServerOptions options_of(Flags& flags) {
  net::ServerOptions options;
  options.listen = flags.listen;
  const auto set = [&flags](const char* name, auto& value) {
    if (flags.one.contains(name)) {
      value = std::remove_reference_t<decltype(value)>(std::strtoll(flags.one[name].c_str(), nullptr, 10));
    }
  };
  set("loops", options.loops);
  set("max-header", options.max_header);
  set("max-target", options.max_target);
  set("max-body", options.max_body);
  set("max-connections", options.max_connections);
  set("max-params", options.max_params);
  set("max-requests", options.max_requests_per_connection);
  set("header-deadline", options.header_deadline);
  set("idle-deadline", options.idle_deadline);
  set("write-deadline", options.write_deadline);
  set("drain", options.drain);
  options.mount = flags.one["mount"];
  if (flags.one.contains("trust")) {
    for (const auto member : http::split_list(flags.one["trust"])) {
      options.trusted_proxies.emplace_back(member);
    }
  }
  return options;
}

Flags parse(int count, char** arguments) {
  Flags flags;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    const std::string value = arguments[i + 1];
    if (name == "--listen" || name == "--fastcgi") {
      flags.listen.push_back({value, name == "--listen" ? net::Speak::http : net::Speak::fastcgi});
    } else {
      flags.one[name.substr(2)] = value;
    }
  }
  if (flags.listen.empty() && net::is_listening_socket(0)) {
    flags.listen.push_back({"fd:0", net::Speak::fastcgi});
  }
  for (const std::string& address : net::inherited_listeners()) {
    flags.listen.push_back({address, net::Speak::http});
  }
  return flags;
}

}  // namespace

int main(int count, char** arguments) {
  Flags flags = parse(count, arguments);
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    sigaddset(&ends, signal);
  }
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  io::FilePtr file;
  if (flags.one.contains("file")) {
    auto opened = io::File::open(flags.one["file"]);
    if (!opened) {
      std::cerr << opened.error().context << "\n";
      return 1;
    }
    file = *opened;
  }
  WorkPool pool({.threads = 4});
  Canned canned(pool, file, flags.one["dir"]);
  auto server = net::make_server(
      options_of(flags), [&canned](const http::ExchangePtr& exchange) { canned.handle(exchange); }, pool,
      Log([](LogLevel, std::string_view text) { std::cerr << text << std::endl; }));
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  for (const std::string& address : (*server)->addresses()) {
    std::cout << "listening on " << address << "\n";
  }
  std::cout << "ready" << std::endl;
  std::thread signals([&] {
    int signal = 0;
    sigwait(&ends, &signal);
    (*server)->stop();
  });
  (*server)->run();
  pthread_kill(signals.native_handle(), SIGTERM);
  signals.join();
  return 0;
}
