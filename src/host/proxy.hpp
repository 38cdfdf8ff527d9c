// SPDX-License-Identifier: Apache-2.0
// ProxyRun: one request on its way through a server behind, with a connection per request: HTTP/1.1 (proxy.server),
// or SCGI and uwsgi (scgi.server), whose answers are those of CGI programs. Loop thread only. A request without a
// body is tried at the next server when one cannot be reached or closes without an answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/app.hpp"
#include "host/cgi_head.hpp"
#include "host/spool.hpp"
#include "host/upstream.hpp"
#include "net/loop.hpp"
#include "net/send_queue.hpp"

namespace microtome::host {

struct ProxyRequest {
  std::vector<std::shared_ptr<App>> apps;  // in the order they are to be tried
  bool safe = true;
  bool head = false;
  bool cgi = false;                        // the answer is a CGI program's
  bool upgrade = false;                    // 101 may be answered
  std::chrono::seconds tunnel_idle{3600};  // nothing moves behind a 101: cut; 0: never
  // What goes before the body, for that server; the length of the body is known by then.
  std::function<std::string(const App&, std::optional<std::uint64_t> content_length)> text;
  std::optional<std::uint64_t> content_length;  // nullopt: kept until it is whole
  Keep keep = Keep::little;                     // of the body
  SpoolPlacePtr spool;                          // where
  std::string name;                             // for the log
};

class ProxyRun final : public Upstream, public net::Watcher, public std::enable_shared_from_this<ProxyRun> {
 public:
  ProxyRun(ProxyRequest request, AnswerSink& answer);
  ~ProxyRun() override;

  void start() override;
  void body_arrived() override;
  void drained() override;
  void client_gone() override;

  void readable() override;
  void writable() override;
  void failed() override { broken(); }

 private:
  void enqueue();
  void granted(Lease lease);
  bool fill_queue();
  void send_body();
  void flush();
  void watch();
  bool take(std::string_view bytes);
  bool take_head(std::string_view& bytes);
  bool begin_tunnel();
  bool take_body(std::string_view bytes);
  void ended();
  void broken();
  void fail(int status, std::string reason);
  void next_server();
  void let_go();
  [[nodiscard]] std::chrono::seconds time_limit();
  void watch_time();
  void commit();
  [[nodiscard]] App& app() { return *request_.apps[app_at_]; }

  ProxyRequest request_;
  AnswerSink* answer_;
  std::size_t app_at_ = 0;
  std::size_t tried_ = 0;
  TicketPtr ticket_;
  Lease lease_;
  std::unique_ptr<net::Descriptor> descriptor_;
  bool connected_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool hold_ = false;
  net::SendQueue out_;
  RequestBody body_;
  bool running_ = false;
  bool body_sent_ = false;
  bool body_ended_ = false;
  Timers::Clock::time_point last_activity_{};
  Timers::Id timer_ = 0;

  CgiHeadReader head_;
  bool head_done_ = false;
  bool tunnel_ = false;  // behind a 101
  bool any_output_ = false;
  bool wanted_ = true;
  bool has_length_ = false;
  std::uint64_t left_ = 0;
  std::unique_ptr<net::ChunkedReader> chunks_;
  std::string chunk_rest_;
  bool done_ = false;
};

}  // namespace microtome::host
