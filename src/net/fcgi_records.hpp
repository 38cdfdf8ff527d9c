// SPDX-License-Identifier: Apache-2.0
// FastCGI 1.0 records and name-value pairs, both ways: for the responder here and for a gateway. Pure: no sockets.
// Every length is checked before it is believed; nothing is allocated beyond what has arrived.
//
// A record: version (1), type, request id (2 bytes), content length (2), padding length (1), reserved (1), content,
// padding. Big endian. Id 0 belongs to the connection itself. Streams (PARAMS, STDIN, STDOUT, STDERR, DATA) end with
// an empty record; how their bytes are cut into records means nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace microtome::net::fcgi {

enum class Type : std::uint8_t {
  begin_request = 1,
  abort_request = 2,
  end_request = 3,
  params = 4,
  stdin_stream = 5,
  stdout_stream = 6,
  stderr_stream = 7,
  data = 8,
  get_values = 9,
  get_values_result = 10,
  unknown_type = 11,
};

enum class Role : std::uint16_t { responder = 1, authorizer = 2, filter = 3 };
enum class ProtocolStatus : std::uint8_t {
  request_complete = 0,
  cannot_multiplex = 1,
  overloaded = 2,
  unknown_role = 3,
};

inline constexpr std::size_t kHeaderSize = 8;
inline constexpr std::size_t kMaxContent = 65535;
inline constexpr std::uint8_t kKeepConnection = 1;

struct Header {
  Type type = Type::begin_request;  // may hold numbers that are not in the list
  std::uint16_t id = 0;
  std::uint16_t length = 0;
  std::uint8_t padding = 0;
};

[[nodiscard]] constexpr bool is_stream(Type type) {
  return type >= Type::params && type <= Type::data;
}

// ---- reading

// A record, or a part of a stream's record.
struct Piece {
  Header header;
  ByteView content;           // into the bytes that were fed, or into the reader; valid until the next call
  bool end_of_record = true;  // always true for records that are not streams: these come whole
  [[nodiscard]] bool end_of_stream() const { return is_stream(header.type) && header.length == 0; }
};

// Cuts a stream of bytes into records as it arrives. Holds at most one record that is not a stream.
class RecordReader {
 public:
  enum class Next {
    piece,
    more,  // all bytes are used
    bad,   // not version 1: the connection cannot be understood any further
  };
  // Takes bytes off the front of `bytes`.
  Next next(ByteView& bytes, Piece& piece);
  // All pieces of `bytes` to `take(piece)`, as long as it returns true. `more` when it always has, `piece` when not.
  template <class Take>
  Next each(ByteView bytes, Take take) {
    Piece piece;
    Next found = Next::piece;
    do {
      found = next(bytes, piece);
    } while (found == Next::piece && take(piece));
    return found;
  }
  // Nothing of a record has arrived yet: the place where a peer may properly close.
  [[nodiscard]] bool between_records() const { return state_ == State::header && have_ == 0 && padding_ == 0; }

 private:
  enum class State { header, content };
  bool take_header(ByteView& bytes);
  std::uint8_t raw_[kHeaderSize] = {};
  std::size_t have_ = 0;  // bytes of raw_
  State state_ = State::header;
  Header header_;
  std::size_t left_ = 0;     // bytes of the content still to come
  std::size_t padding_ = 0;  // bytes of padding still to be skipped
  Bytes whole_;
};

struct BeginRequest {
  std::uint16_t role = 0;
  std::uint8_t flags = 0;
  [[nodiscard]] bool keep_connection() const { return (flags & kKeepConnection) != 0; }
};
// nullopt when the content is too short (longer is taken: the rest is reserved).
[[nodiscard]] std::optional<BeginRequest> read_begin_request(ByteView content);

struct EndRequest {
  std::uint32_t app_status = 0;
  ProtocolStatus protocol_status = ProtocolStatus::request_complete;
};
[[nodiscard]] std::optional<EndRequest> read_end_request(ByteView content);

// Calls `take(name, value)` for each pair. False when a length reaches beyond the end, there are more than
// `max_pairs`, or take returns false.
using TakePair = std::function<bool(std::string_view name, std::string_view value)>;
[[nodiscard]] bool read_pairs(ByteView content, const TakePair& take, std::size_t max_pairs = 4096);

// ---- writing

void append_header(std::string& out, Type type, std::uint16_t id, std::size_t length, std::size_t padding = 0);
// One record; `content` of at most kMaxContent bytes.
void append_record(std::string& out, Type type, std::uint16_t id, std::string_view content);
// As many records as it takes; none for an empty text (which would end the stream).
void append_stream(std::string& out, Type type, std::uint16_t id, std::string_view content);
void append_begin_request(std::string& out, std::uint16_t id, Role role, std::uint8_t flags);
void append_end_request(std::string& out, std::uint16_t id, std::uint32_t app_status, ProtocolStatus status);
void append_unknown_type(std::string& out, Type type);
// Name and value of at most 2^31-1 bytes each.
void append_pair(std::string& out, std::string_view name, std::string_view value);

}  // namespace microtome::net::fcgi
