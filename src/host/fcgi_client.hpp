// SPDX-License-Identifier: Apache-2.0
// FcgiClient: one connection to a FastCGI app, with one request or, where the app multiplexes, several. Loop thread
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/app.hpp"
#include "net/fcgi_records.hpp"
#include "net/loop.hpp"
#include "net/send_queue.hpp"

namespace microtome::host {

// Why a request on a connection has failed.
enum class Broken {
  connect,   // never reached the app
  closed,    // the app closed, or died
  protocol,  // it spoke something else
  cannot_multiplex,
  timeout,  // connecting took too long, or the app took no bytes
};

// Who waits for the answer to a request. Bytes are handed over while the connection reads; commit() comes behind
// them, as the last thing, and only there other connections may be touched.
class FcgiSink {
 public:
  virtual ~FcgiSink() = default;
  virtual void app_stdout(ByteView bytes) = 0;
  virtual void app_stderr(ByteView bytes) = 0;
  virtual void app_ended(const net::fcgi::EndRequest& end) = 0;
  virtual void app_broken(Broken why) = 0;
  virtual void app_drained() = 0;  // room for more of the body
  virtual void commit() = 0;
};

class FcgiClient : public net::Watcher, public std::enable_shared_from_this<FcgiClient> {
 public:
  // A connection to the slot's process that can take a request now: a kept one, or a new one. Null and `why` when
  // there is none.
  static std::shared_ptr<FcgiClient> get(const std::shared_ptr<App>& app, Slot& slot, bool fresh, Broken& why);
  // Asks the app what it can (GET_VALUES) and tells it App::learned(). Waits at most one second.
  static void probe(const std::shared_ptr<App>& app, Slot& slot);
  // Asks whether the process still answers; `reply(false)` after two seconds.
  static void ping(const std::shared_ptr<App>& app, Slot& slot, std::function<void(bool)> reply);

  FcgiClient(std::shared_ptr<App> app, Slot& slot, int fd, bool connected, bool keep);
  ~FcgiClient() override;
  FcgiClient(const FcgiClient&) = delete;
  FcgiClient& operator=(const FcgiClient&) = delete;

  // Begins a request; `params` are name-value pairs as they go over the wire. Returns its id.
  std::uint16_t begin(std::shared_ptr<FcgiSink> sink, net::fcgi::Role role, std::string_view params);
  void body(std::uint16_t id, std::string_view bytes);
  void body_end(std::uint16_t id);
  // Sends what is queued. Behind begin(), body(), body_end().
  void flush();
  // The same; where several requests share the connection, with what others have to say in this turn of the loop.
  void flush_soon();
  // Nobody wants the answer any more.
  void abort(std::uint16_t id);
  // Stops or resumes reading from the app (all requests of the connection).
  void hold(bool held);
  // The process is gone and no other follows at once. Requests that no process has accepted fail as never sent.
  void nobody_accepts();
  // Takes no further request: closes now when it has none, else behind the last one.
  void leave();
  [[nodiscard]] std::size_t unsent() const { return out_.size(); }
  [[nodiscard]] bool kept() const { return keep_; }
  [[nodiscard]] bool connected() const { return connected_; }
  // Carried a request before this one.
  [[nodiscard]] bool used() const { return requests_ > 1; }
  [[nodiscard]] bool idle() const { return sinks_.empty(); }
  [[nodiscard]] bool dead() const { return descriptor_.fd() < 0; }

  void readable() override;
  void writable() override;
  void failed() override { fail_all(Broken::closed); }

 private:
  class Asker;
  void connect_timeout();
  bool take(ByteView bytes, std::vector<std::shared_ptr<FcgiSink>>& touched);
  void take_piece(const net::fcgi::Piece& piece, std::vector<std::shared_ptr<FcgiSink>>& touched);
  void fail_all(Broken why);
  void finished();
  void close();
  void watch();
  void leave_pool();

  std::shared_ptr<App> app_;
  Slot& slot_;
  int generation_;
  net::Descriptor descriptor_;
  net::fcgi::RecordReader reader_;
  net::SendQueue out_;
  struct Running {
    std::shared_ptr<FcgiSink> sink;  // null: aborted, its END is awaited
    bool ended = false;
  };
  std::unordered_map<std::uint16_t, Running> sinks_;
  std::uint16_t last_id_ = 0;
  std::uint64_t requests_ = 0;
  Timers::Id timer_ = 0;
  bool connected_;
  bool keep_;
  bool reading_ = false;
  bool writing_ = false;
  bool held_ = false;
  bool in_read_ = false;
  bool flushing_ = false;  // at the end of this turn
};

}  // namespace microtome::host
