// SPDX-License-Identifier: Apache-2.0
// AppConnection: a web server's end of one FastCGI connection, for testing the app at the other. Everything the app
// sends is held against the specification; what is wrong is kept as a sentence. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check/wire.hpp"
#include "net/fcgi_records.hpp"

namespace microtome::check {

namespace fcgi = net::fcgi;
using Params = std::vector<std::pair<std::string, std::string>>;

// What one request got.
struct Answer {
  std::string out;
  std::string err;
  int out_records = 0;
  bool out_ended = false;
  bool ended = false;
  fcgi::EndRequest end;
};

struct Management {
  fcgi::Type type;
  std::string content;
};

// How a stream is cut into records.
struct Cut {
  std::size_t size = 65535;
  std::size_t padding = 0;
};
[[nodiscard]] std::string stream_of(fcgi::Type type, std::uint16_t id, std::string_view content, Cut cut = {},
                                    bool ended = true);
[[nodiscard]] std::string padded_record(fcgi::Type type, std::uint16_t id, std::string_view content,
                                        std::size_t padding);
[[nodiscard]] std::string pairs_of(const Params& params);
[[nodiscard]] std::string begin_of(std::uint16_t id, bool keep, std::uint16_t role = 1, std::uint8_t flags = 0);

class AppConnection {
 public:
  explicit AppConnection(Wire wire, Milliseconds patience) : wire_(std::move(wire)), patience_(patience) {}

  // False: the app has closed, or does not read.
  bool send(std::string_view bytes);
  // Reads until `enough`, the end, or the deadline. The last value of enough().
  bool until(const std::function<bool()>& enough, Milliseconds patience);
  bool until(const std::function<bool()>& enough) { return until(enough, patience_); }
  bool answered(std::uint16_t id) {
    return until([this, id] { return answers_[id].ended; });
  }
  // The app has closed its side.
  bool ends(Milliseconds patience) {
    return until([] { return false; }, patience) || closed_;
  }
  [[nodiscard]] Answer& answer(std::uint16_t id) { return answers_[id]; }
  void forget(std::uint16_t id) { answers_.erase(id); }
  [[nodiscard]] std::vector<Management>& management() { return management_; }
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool reset() const { return reset_; }
  [[nodiscard]] Wire& wire() { return wire_; }

 private:
  void digest();
  void take(const fcgi::Header& header, std::string_view content);
  void fault(std::string text);

  Wire wire_;
  Milliseconds patience_;
  std::string in_;
  std::map<std::uint16_t, Answer> answers_;
  std::vector<Management> management_;
  std::vector<std::string> faults_;
  bool closed_ = false;
  bool reset_ = false;
  bool lost_ = false;  // not FastCGI: nothing more can be understood
};

}  // namespace microtome::check
